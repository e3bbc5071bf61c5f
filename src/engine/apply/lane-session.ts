import type { Client, ClientConfig } from 'pg';

import { forgetPrepared, sendBatch } from '../../db/batch.js';
import { closeClient, openClient } from '../../db/connect.js';
import { emptyOwnSearchPath } from '../../db/empty-search-path.js';

/** Opens a lane's connection. Errors as in `openClient`; nothing stays open then. */
export async function openLaneSession(database: ClientConfig): Promise<Client> {
  const client = await openClient(database, 'lane');
  try {
    await prepareSession(client);
    return client;
  } catch (error) {
    await closeClient(client);
    throw error;
  }
}

/** Takes away whatever a tenant's migrations left in the session. */
export async function resetLaneSession(client: Client): Promise<void> {
  await client.query('DISCARD ALL');
  forgetPrepared(client);
  await prepareSession(client);
}

/**
 * What a lane's session starts with. The search path finds nothing of the user's: whatever would run outside our
 * transactions fails instead of landing in the shared schema.
 */
async function prepareSession(client: Client): Promise<void> {
  await emptyOwnSearchPath(client);
  await sendBatch(client, [
    { text: `SET idle_in_transaction_session_timeout TO 0` },
    {
      // Since PostgreSQL 14: a backend whose client was killed notices it, ends, and lets go of the tenant.
      text: `SELECT set_config(name, '5s', false) FROM pg_settings WHERE name = 'client_connection_check_interval' AND setting = '0'`,
    },
    {
      // Since PostgreSQL 17: a limit that is meant for an application ends the connection in the middle of a migration.
      text: `SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout' AND setting <> '0'`,
    },
  ]);
}

/** A later segment finds the schema that the first one made; 0 is the OID of none. */
export async function readSchemaOid(client: Client, schema: string): Promise<number> {
  const { rows } = await client.query<{ oid: number }>('SELECT oid FROM pg_namespace WHERE nspname = $1', [schema]);
  return rows[0]?.oid ?? 0;
}
