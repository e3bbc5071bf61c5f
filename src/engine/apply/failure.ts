import { isNodeAway, NODE_ADVICE } from '../../db/citus/other-node.js';
import { isRowSecurityError, ROW_SECURITY_ADVICE } from '../../db/row-security.js';
import { codeOf, isConnectionError, SQLSTATE } from '../../db/sqlstates.js';
import { isServerError, type SerializedError, serializeError } from '../../errors/serialize.js';
import { isTenantsError, TenantsError } from '../../errors/tenants-error.js';
import type { FailurePoint } from './run-transaction.js';

/** Longest piece of a statement that a report shows, in characters. */
const STATEMENT_LENGTH = 2000;

/** What the server's answer usually means here, and what to do about it. */
const ADVICE: Readonly<Record<string, string>> = {
  [SQLSTATE.unsafeNewEnumValue]:
    'A new enum value can be used only after the transaction that added it: run with --transaction migration.',
  [SQLSTATE.lockNotAvailable]:
    'The lock could not be acquired within the lock timeout: try again when the database is less busy, or raise --lock-timeout.',
  [SQLSTATE.activeTransaction]:
    'This statement cannot run in a transaction: call pgm.noTransaction(), or put "-- tenants: no-transaction" in the file.',
  [SQLSTATE.diskFull]: 'The disk of the server is full: make room, then run the same command again.',
  [SQLSTATE.limitExceeded]:
    "The statement ran into a limit of the server's configuration: raise it, temp_file_limit for instance, or do the work in smaller parts.",
  [SQLSTATE.outOfMemory]:
    'The server ran out of lock table space: raise max_locks_per_transaction, or run with --transaction migration.',
};

/** The same where the transaction holds a single migration already. */
const ADVICE_ALONE: Readonly<Record<string, string>> = {
  ...ADVICE,
  [SQLSTATE.outOfMemory]:
    'The server ran out of lock table space: raise max_locks_per_transaction, or split the migration into smaller ones.',
};

export type FailureContext = {
  /** The outcome of the COMMIT could not be found out. */
  isUnknown?: boolean;
  /** The transaction held this migration and no other. */
  alone?: boolean;
};

/**
 * A failure as the report shows it: the error, with the tenant, the migration and the statement it occurred in.
 */
export function describeFailure(
  error: Error,
  tenant: string,
  place: FailurePoint,
  { isUnknown = false, alone = false }: FailureContext = {},
): SerializedError {
  const isAway = isNodeAway(error);
  const serialized = serializeError(isUnknown || isBroken(error) ? connectionBroke(error, tenant, isUnknown) : error);
  // Code that runs tenant by tenant can fail anywhere behind the last statement that it sent.
  const isOwnError = place.migration?.mode === 'direct' && !isServerError(error);
  const statement = place.statement?.sql ?? place.sql;
  const known = isServerError(error) ? (alone ? ADVICE_ALONE : ADVICE)[codeOf(error) ?? ''] : undefined;
  const usual = isRowSecurityError(error) ? ROW_SECURITY_ADVICE : known === undefined ? [] : [known];
  const advice = isAway ? NODE_ADVICE : usual;
  return {
    ...serialized,
    ...(!isUnknown && isServerError(error)
      ? { code: isAway ? ('NODE_UNREACHABLE' as const) : ('MIGRATION_FAILED' as const) }
      : {}),
    tenant,
    ...(place.migration === undefined ? {} : { migration: place.migration.name, file: place.migration.path }),
    ...(statement === undefined ? {} : { statement: shorten(statement) }),
    ...(place.statement?.line === undefined || isOwnError ? {} : { line: place.statement.line }),
    ...(advice.length === 0 ? {} : { suggestions: [...(serialized.suggestions ?? []), ...advice] }),
  };
}

/** Without an answer of the server; one that ends the connection says why itself. */
function isBroken(error: Error): boolean {
  return isConnectionError(error) && !isServerError(error) && !isTenantsError(error);
}

function connectionBroke(error: Error, tenant: string, isUnknown: boolean): TenantsError {
  const text = error.message.replace(/\.+$/, '');
  const message = isUnknown
    ? `The connection broke, and whether "${tenant}" was changed could not be found out: ${text}.`
    : `The connection broke while "${tenant}" was being changed: ${text}.`;
  return new TenantsError(isUnknown ? 'OUTCOME_UNKNOWN' : 'DATABASE_ERROR', message, {
    suggestions: [
      'Run the same command again when the database is back: it finds what was done and finishes the rest.',
    ],
    cause: error,
  });
}

function shorten(statement: string): string {
  return statement.length <= STATEMENT_LENGTH ? statement : `${statement.slice(0, STATEMENT_LENGTH)}…`;
}
