import { isRowSecurityError, ROW_SECURITY_ADVICE } from '../db/row-security.js';
import { codeOf, isConnectionError, SQLSTATE } from '../db/sqlstates.js';
import { isServerError, type SerializedError, serializeError } from '../errors/serialize.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';

/** What an error of the server usually means while a tenant is being changed, and what to do about it. */
const ADVICE: Readonly<Record<string, string>> = {
  [SQLSTATE.lockNotAvailable]: 'Another session is using this tenant: try again later, or raise --lock-timeout.',
  [SQLSTATE.deadlockDetected]: 'Another session was using this tenant at the same time: try again.',
  [SQLSTATE.diskFull]: "The server's disk is full: free some space and try again.",
  [SQLSTATE.outOfMemory]: 'The server ran out of lock table space: raise max_locks_per_transaction.',
  [SQLSTATE.insufficientPrivilege]:
    'The connecting role must own the schema and have CREATE on the database; see "role" in the configuration.',
};

/**
 * Explains why a change was rolled back. A TenantsError is returned unchanged.
 *
 * @param change.undone the beginning of the message: `The tenant "acme" was not renamed`.
 */
export function changeFailure(error: unknown, { tenant, undone }: { tenant: string; undone: string }): unknown {
  if (isTenantsError(error)) return error;
  if (isConnectionError(error) && !isServerError(error)) {
    return new TenantsError('DATABASE_UNREACHABLE', `${undone}: the connection to the database was lost.`, {
      tenant,
      suggestions: ['Try again when the database is available.'],
      cause: error,
    });
  }
  if (!isServerError(error)) return error;
  const code = codeOf(error) ?? '';
  const known = ADVICE[code];
  const advice = isRowSecurityError(error) ? ROW_SECURITY_ADVICE : known === undefined ? [] : [known];
  return new TenantsError(
    code === SQLSTATE.lockNotAvailable ? 'TENANT_BUSY' : 'DATABASE_ERROR',
    `${undone}: ${error.message}.`,
    {
      ...words(serializeError(error)),
      tenant,
      cause: error,
      ...(advice.length === 0 ? {} : { suggestions: advice }),
    },
  );
}

function words({ sqlstate, detail, hint, constraint }: SerializedError) {
  return {
    ...(sqlstate === undefined ? {} : { sqlstate }),
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    ...(constraint === undefined ? {} : { constraint }),
  };
}
