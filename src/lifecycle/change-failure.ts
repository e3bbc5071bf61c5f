import { isRowSecurityError, ROW_SECURITY_ADVICE } from '../db/row-security.js';
import { codeOf, isConnectionError, SQLSTATE } from '../db/sqlstates.js';
import { isServerError, type SerializedError, serializeError } from '../errors/serialize.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';

/** What the server's refusal usually means when a tenant is changed, and what to do about it. */
const ADVICE: Readonly<Record<string, string>> = {
  [SQLSTATE.lockNotAvailable]: 'Another session uses this tenant: try again later, or wait longer with --lock-timeout.',
  [SQLSTATE.deadlockDetected]: 'Another session used this tenant at the same moment: try again.',
  [SQLSTATE.diskFull]: 'The disk of the server is full: make room and try again.',
  [SQLSTATE.outOfMemory]: 'The server ran out of lock table space: raise max_locks_per_transaction.',
  [SQLSTATE.insufficientPrivilege]:
    'The role that connects must own the schema and may create schemas in the database; see "role" in the configuration.',
};

/**
 * Says why a change that was rolled back did not come to be. Errors of the product come back as they are.
 *
 * @param change.undone how the message begins: `The tenant "acme" was not renamed`.
 */
export function changeFailure(error: unknown, { tenant, undone }: { tenant: string; undone: string }): unknown {
  if (isTenantsError(error)) return error;
  if (isConnectionError(error) && !isServerError(error)) {
    return new TenantsError('DATABASE_UNREACHABLE', `${undone}: the connection to the database broke.`, {
      tenant,
      suggestions: ['Try again when the database is back.'],
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
