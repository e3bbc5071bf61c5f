import type { Client } from 'pg';

import { TenantsError } from '../../errors/tenants-error.js';

/** Oldest Citus that can keep a schema on one node. */
const OLDEST_MAJOR = 12;

/** The Citus of the database. */
export type Citus = {
  /** Version of the extension, such as `13.2-1`. */
  version: string;
  /** Schemas can be distributed: Citus 12 or newer. */
  distributesSchemas: boolean;
};

/** Expression that answers the version of the extension in this database, or NULL; names are qualified. */
export const CITUS_VERSION = `(SELECT extversion FROM pg_catalog.pg_extension WHERE extname OPERATOR(pg_catalog.=) 'citus')`;

/** `undefined` where the extension is not installed. Pure. */
export function toCitus(version: string | null | undefined): Citus | undefined {
  if (version === null || version === undefined) return undefined;
  return { version, distributesSchemas: Number.parseInt(version, 10) >= OLDEST_MAJOR };
}

/** Connections to a database with the extension: whatever their session is used for, this stays as it is. */
const connected = new WeakSet<Client>();

export function noteCitus(client: Client, version: string | null | undefined): void {
  if (toCitus(version) !== undefined) connected.add(client);
}

/** Whether the database of this connection has the extension; costs nothing. */
export function isOnCitus(client: Client): boolean {
  return connected.has(client);
}

/**
 * Refuses a worker node: changes of the structure belong to the coordinator, and a worker holds a part of the tenants only.
 *
 * @throws TenantsError DATABASE_UNSUPPORTED with the address of the coordinator, as the nodes know it.
 */
export async function assertCoordinator(client: Client): Promise<void> {
  const { rows } = await client.query<{ worker: boolean; address: string | null }>(
    `SELECT (SELECT groupid FROM pg_catalog.pg_dist_local_group) OPERATOR(pg_catalog.<>) 0 AS worker,
            (SELECT pg_catalog.format('%s:%s', nodename, nodeport) FROM pg_catalog.pg_dist_node
              WHERE groupid OPERATOR(pg_catalog.=) 0 LIMIT 1) AS address`,
  );
  const [row] = rows;
  if (row?.worker !== true) return;
  throw new TenantsError('DATABASE_UNSUPPORTED', 'This server is a worker of a Citus cluster.', {
    suggestions: [
      row.address === null ? 'Connect to the coordinator.' : `Connect to the coordinator, which is ${row.address}.`,
    ],
  });
}

/**
 * Finishes transactions over several nodes that a crash left prepared: commits those that the coordinator has committed, and rolls
 * back the others. Citus does so by itself once in a while. Without the right to it nothing is done.
 */
export async function finishPreparedTransactions(client: Client): Promise<void> {
  await client
    .query(
      `SELECT CASE WHEN pg_catalog.has_function_privilege('pg_catalog.recover_prepared_transactions()', 'EXECUTE')
         THEN pg_catalog.recover_prepared_transactions() END`,
    )
    .catch(() => undefined);
}
