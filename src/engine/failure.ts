import { codeOf, SQLSTATE } from '../db/index.js';
import { isServerError, isTenantsError, type SerializedError, serializeError } from '../errors/index.js';
import type { FailurePlace } from './run-transaction.js';

/** Longest piece of a statement that a report shows, in characters. */
const STATEMENT_LENGTH = 2000;

/** What the server's answer usually means here, and what to do about it. */
const ADVICE: Readonly<Record<string, string>> = {
  [SQLSTATE.unsafeNewEnumValue]:
    'A new enum value can be used only after the transaction that added it: run with --transaction migration.',
  [SQLSTATE.lockNotAvailable]:
    'A lock was not to be had in time: try again when the database is quieter, or raise --lock-timeout.',
  '25001':
    'This statement cannot run in a transaction: call pgm.noTransaction(), or put "-- tenants: no-transaction" in the file.',
  [SQLSTATE.diskFull]: 'The disk of the server is full: make room, then run the same command again.',
  [SQLSTATE.limitExceeded]:
    "The statement ran into a limit of the server's configuration: raise it, temp_file_limit for instance, or do the work in smaller parts.",
  [SQLSTATE.outOfMemory]:
    'The server ran out of lock table space: raise max_locks_per_transaction, or run with --transaction migration.',
};

/** A failure as the report shows it: the error, with the tenant, the migration and the statement it occurred in. */
export function describeFailure(error: Error, tenant: string, place: FailurePlace): SerializedError {
  const serialized = serializeError(error);
  const statement = place.statement?.sql ?? place.sql;
  const advice = isServerError(error) ? ADVICE[codeOf(error) ?? ''] : undefined;
  return {
    ...serialized,
    ...(isTenantsError(error) ? {} : { code: isServerError(error) ? 'MIGRATION_FAILED' : serialized.code }),
    tenant,
    ...(place.migration === undefined ? {} : { migration: place.migration.name, file: place.migration.path }),
    ...(statement === undefined ? {} : { statement: shorten(statement) }),
    ...(place.statement?.line === undefined ? {} : { line: place.statement.line }),
    ...(advice === undefined ? {} : { suggestions: [...(serialized.suggestions ?? []), advice] }),
  };
}

function shorten(statement: string): string {
  return statement.length <= STATEMENT_LENGTH ? statement : `${statement.slice(0, STATEMENT_LENGTH)}…`;
}
