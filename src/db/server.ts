import type { Client, ClientConfig } from 'pg';

import { TenantsError } from '../errors/index.js';
import { withClient } from './connect.js';

/** Oldest server the product works with; older ones lack what the survey and the lanes rely on. */
const OLDEST_VERSION = 130_000;

/** What the connected server can do. Variants of PostgreSQL differ here and nowhere else. */
export type ServerInfo = {
  /** `server_version_num`, such as 150012. */
  version: number;
  versionName: string;
  /** A hot standby, or a session that is set to read only. */
  readOnly: boolean;
  maxConnections: number;
};

/**
 * Reads what the server is and refuses one that cannot be used.
 *
 * @throws TenantsError DATABASE_UNSUPPORTED for a server older than PostgreSQL 13.
 */
export async function inspectServer(client: Client): Promise<ServerInfo> {
  const { rows } = await client.query<{ version: number; name: string; standby: boolean; max: number }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS name,
            pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool AS standby,
            current_setting('max_connections')::int AS max`,
  );
  const row = rows[0];
  if (row === undefined || row.version < OLDEST_VERSION) {
    throw new TenantsError(
      'DATABASE_UNSUPPORTED',
      `The server runs PostgreSQL ${row?.name ?? 'of an unknown version'}; 13 or newer is needed.`,
    );
  }
  return { version: row.version, versionName: row.name, readOnly: row.standby, maxConnections: row.max };
}

/** @throws TenantsError DATABASE_REFUSED when the server takes no changes. */
export function assertWritable(server: ServerInfo): void {
  if (!server.readOnly) return;
  throw new TenantsError(
    'DATABASE_REFUSED',
    'The server takes no changes: it is a standby, or its transactions are read only.',
    {
      suggestions: ['Connect to the primary server.'],
    },
  );
}

/**
 * Refuses a connection whose session does not stay the same from one transaction to the next, as behind a pooler in
 * transaction mode: session locks and settings would be somebody else's.
 *
 * A server announces its own process number when a connection starts, a pooler one that it made up; so without a pooler
 * this costs one query. With one, a second connection shows whether both are given the same backend in turn.
 *
 * @throws TenantsError UNSAFE_POOLER.
 */
export async function assertOwnSession(client: Client, config: ClientConfig): Promise<void> {
  const ours = await backendOf(client);
  const announced = (client as unknown as { processID: number | null }).processID;
  if (announced === ours) return;
  await withClient(config, 'pooler probe', async (second) => {
    await second.query('BEGIN');
    const theirs = await backendOf(second);
    const again = await backendOf(client);
    await second.query('ROLLBACK');
    if (theirs === ours || again !== ours) throw unsafePooler();
  });
}

async function backendOf(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid;
}

function unsafePooler(): TenantsError {
  return new TenantsError(
    'UNSAFE_POOLER',
    'There is a connection pooler between us and the server: locks and settings of a session would be lost or reach others.',
    { suggestions: ['Connect to the server itself, or to a pool in session mode, for migrations.'] },
  );
}
