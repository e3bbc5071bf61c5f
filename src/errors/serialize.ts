import type { ErrorDetails } from './tenants-error.js';
import { isTenantsError } from './tenants-error.js';

/** An error as plain JSON: it crosses process borders and stands in reports. An allow-list, nothing else gets through. */
export type SerializedError = ErrorDetails & {
  name: string;
  code: string;
  message: string;
  suggestions?: string[];
  cause?: SerializedError;
};

/** Fields of a server error (`pg.DatabaseError`) that may be shown. */
const SERVER_FIELDS = ['detail', 'hint', 'where', 'constraint'] as const;

/**
 * Turns anything thrown into plain JSON.
 *
 * A server error keeps its SQLSTATE in `sqlstate` and gets the code `DATABASE_ERROR`; whatever is not an `Error` is
 * described by its string form. Causes are kept five levels deep.
 */
export function serializeError(error: unknown, depth = 0): SerializedError {
  if (!(error instanceof Error)) return { name: 'Error', code: 'UNEXPECTED', message: bounded(String(error)) };
  const result: SerializedError = { name: error.name, code: 'UNEXPECTED', message: bounded(error.message) };
  if (isTenantsError(error)) {
    Object.assign(result, error.details, { code: error.code });
    if (error.details.statement !== undefined) result.statement = bounded(error.details.statement);
    if (error.suggestions.length > 0) result.suggestions = error.suggestions;
  } else if (isServerError(error)) {
    result.code = 'DATABASE_ERROR';
    result.sqlstate = error.code;
    for (const field of SERVER_FIELDS) {
      const value = (error as Partial<Record<(typeof SERVER_FIELDS)[number], unknown>>)[field];
      if (typeof value === 'string' && value !== '') result[field] = bounded(value);
    }
  } else if ('code' in error && typeof error.code === 'string') {
    result.code = error.code;
  }
  if (error.cause !== undefined && depth < 5) result.cause = serializeError(error.cause, depth + 1);
  return result;
}

/** A migration may raise an error of any length, and every tenant that fails would repeat it. */
const LONGEST = 10_000;

function bounded(text: string): string {
  if (text.length <= LONGEST) return text;
  return `${text.slice(0, LONGEST)}… (${text.length - LONGEST} more characters)`;
}

/** An error that PostgreSQL itself reported, recognized by its five-character SQLSTATE and severity. */
export function isServerError(error: unknown): error is Error & { code: string; position?: string } {
  return (
    error instanceof Error &&
    'severity' in error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^[0-9A-Z]{5}$/.test(error.code)
  );
}
