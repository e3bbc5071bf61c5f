import { withClient } from '../../db/connect.js';
import type { DatabaseConfig } from '../../db/database-config.js';
import { unsafePooler } from '../../db/own-session.js';
import { SQLSTATE } from '../../db/sqlstates.js';
import { isTenantsError } from '../../errors/tenants-error.js';

/** No schema of this name is needed: a search path may name what is not there. */
const PROBE = '"tenants probe"';

/**
 * Makes sure that what a program asks for when it connects reaches the server through a pooler. One that ignores it would let
 * every program work in the shared schema.
 *
 * @throws TenantsError UNSAFE_POOLER
 */
export async function assertOptionsArrive(database: DatabaseConfig): Promise<void> {
  const options = `-c search_path=${PROBE.replaceAll(' ', String.raw`\ `)}`;
  if ((await pathWith({ ...database, options })) === PROBE) return;
  throw unsafePooler(
    'The connection pooler in front of the server does not pass on the search path that each program is given: it would work in the wrong schema.',
  );
}

/** The search path of a connection; `undefined` when the pooler refuses it. */
async function pathWith(config: DatabaseConfig): Promise<string | undefined> {
  try {
    return await withClient(config, 'exec', async (client) => {
      // SHOW looks nothing up, so that the path can be the one that was asked for.
      const { rows } = await client.query<{ search_path: string }>('SHOW search_path');
      return rows[0]?.search_path;
    });
  } catch (error) {
    if (isTenantsError(error) && error.details.sqlstate === SQLSTATE.protocolViolation) return undefined;
    throw error;
  }
}
