import { serializeError, type SerializedError } from '../../errors/serialize.js';
import { isTenantsError } from '../../errors/tenants-error.js';
import { redact, redactDeep } from '../../util/redact.js';
import { clean, cleanLines } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { createStyle } from '../text/style.js';
import { errorFacts } from './error-facts.js';
import { suggestionLine } from './suggestion-line.js';

/** The document that `--json` prints on failure. */
export type ErrorJson = { error: SerializedError & { suggestions: string[] } };

/**
 * An error for people: what happened, where, what the server said, and what to do next.
 *
 * Only fields of the allow-list (`ErrorDetails` and the server's own fields) are shown; for other errors that means the
 * message. Passwords are masked and control characters removed. In verbose mode the stack follows.
 */
export function formatError(error: unknown, context: Pick<FormatContext, 'color' | 'verbose'>): string {
  const style = createStyle(context.color);
  const shown = describe(error);
  const [first = '', ...rest] = cleanLines(shown.message);
  const lines = [`${style.red('Error:')} ${first}`, ...rest];
  for (const problem of shown.problems ?? []) lines.push(`  - ${clean(problem)}`);
  lines.push(...errorFacts(shown, style).map((line) => `  ${line}`));
  for (const cause of newCauses(shown)) lines.push(`  ${style.dim('Caused by:')} ${clean(cause)}`);
  for (const suggestion of shown.suggestions ?? []) lines.push(suggestionLine(clean(suggestion), style));
  if (context.verbose) lines.push(...stackOf(error).map((line) => style.dim(line)));
  return lines.join('\n');
}

/** An error as `--json` prints it: the allow-list without a stack, passwords masked, always with `suggestions`. */
export function toErrorJson(error: unknown): ErrorJson {
  const shown = describe(error);
  return { error: { ...shown, suggestions: shown.suggestions ?? [] } };
}

function describe(error: unknown): SerializedError {
  const serialized = serializeError(error);
  // Node's connection errors over several addresses (AggregateError) have no message of their own.
  if (serialized.message === '') serialized.message = withoutMessage(error, serialized);
  return redactDeep(serialized);
}

function withoutMessage(error: unknown, serialized: SerializedError): string {
  if (error instanceof AggregateError) {
    const messages = error.errors.map((inner) => serializeError(inner).message).filter(Boolean);
    if (messages.length > 0) return [...new Set(messages)].join('; ');
  }
  return serialized.code === 'UNEXPECTED' ? `${serialized.name} without a message` : serialized.code;
}

/** Messages of causes that are not already part of a message above them. */
function newCauses(error: SerializedError): string[] {
  const said = [error.message, error.detail ?? '', error.hint ?? '', ...(error.problems ?? [])];
  const causes: string[] = [];
  for (let cause = error.cause; cause; cause = cause.cause) {
    const { message } = cause;
    if (message === '' || said.some((text) => text.includes(message))) continue;
    causes.push(message);
    said.push(message);
  }
  return causes;
}

function stackOf(error: unknown): string[] {
  if (!(error instanceof Error) || error.stack === undefined) return [];
  const frames = cleanLines(redact(error.stack)).filter((line) => /^\s+at /.test(line));
  const codes = isTenantsError(error) ? [`Code: ${error.code}`] : [];
  return [...codes, ...frames];
}
