import { codeOf, SQLSTATE } from '../../db/sqlstates.js';

/**
 * Guards are statements that fail when something is not as it should be: they cast a word to a number at run time, which
 * raises 22P02 with the word in its message. `pg_backend_pid()` keeps the planner from doing the cast beforehand, and concat is
 * cheaper than ||, whose overloads must be resolved on every plan. The names are qualified: guards may run under the search path
 * of a tenant, where the owner of a schema could put a function of that name.
 */
export function raise(word: string): string {
  return `pg_catalog.concat('${word} ', pg_catalog.pg_backend_pid())::pg_catalog.int4`;
}

/** An SQL expression that raises a list of names, behind a prefix of its own; it is NULL where `names` is NULL. */
export function raiseNames(names: string): string {
  return `pg_catalog.textcat('${NAMES}', ${names})::pg_catalog.int4`;
}

/** What the message of a failing fall-through check begins with, before the names. */
const NAMES = 'fall-through: ';

/** Whether an error is the one of a guard. */
export function isRaised(error: unknown): error is Error {
  return error instanceof Error && codeOf(error) === SQLSTATE.invalidTextRepresentation;
}

/** The names of a failing `raiseNames`, which the server quotes at the end of its message; `undefined` for another error. */
export function raisedNames(error: unknown): string | undefined {
  if (!isRaised(error)) return undefined;
  const start = error.message.indexOf(NAMES);
  return start === -1 ? undefined : error.message.slice(start + NAMES.length, -1);
}
