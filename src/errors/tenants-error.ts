import type { Blocker } from './blocker.js';
import { ERROR_CODES, type ErrorCode } from './codes.js';

/** What an error may say beyond its message. Everything here is safe to print: no connection settings, no parameters. */
export type ErrorDetails = {
  tenant?: string;
  migration?: string;
  /** The hook of the configuration in which it occurred. */
  hook?: string;
  /** Path of the migration file, and the line in it where that is known. */
  file?: string;
  line?: number;
  /** The failing SQL statement as it stands in the migration. */
  statement?: string;
  sqlstate?: string;
  /** The server's own words, from the fields of its error message. */
  detail?: string;
  hint?: string;
  where?: string;
  constraint?: string;
  /** The sessions that held what a statement had waited for. */
  blockers?: Blocker[];
  /** Several complaints reported at once, such as all mistakes of a configuration. */
  problems?: string[];
  /** Stored texts that name a schema: what has them, where in it, and the schema. */
  mentions?: { object: string; place: string; schema: string; line?: number }[];
};

export type TenantsErrorOptions = ErrorDetails & {
  /** What the reader can do next, one sentence each. */
  suggestions?: string[];
  cause?: unknown;
};

/** The one error class of the product: a code, what happened, and what to do next. */
export class TenantsError extends Error {
  override readonly name = 'TenantsError';
  readonly code: ErrorCode;
  readonly exitCode: number;
  readonly suggestions: string[];
  readonly details: ErrorDetails;
  /** oclif reads this one in human mode. */
  readonly oclif: { exit: number };

  constructor(code: ErrorCode, message: string, options: TenantsErrorOptions = {}) {
    const { suggestions = [], cause, ...details } = options;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.exitCode = ERROR_CODES[code];
    this.suggestions = suggestions;
    this.details = details;
    this.oclif = { exit: this.exitCode };
  }
}

/** Narrows to the product's own error, across realms and module copies. */
export function isTenantsError(error: unknown): error is TenantsError {
  return error instanceof Error && error.name === 'TenantsError' && 'code' in error && 'exitCode' in error;
}
