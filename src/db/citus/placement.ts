import type { Client } from 'pg';

import { quoteIdentifier } from '../identifiers.js';

/**
 * Places a schema with everything in it on a node that Citus chooses.
 *
 * Citus looks for what it works with by the search path of the session, which must find `pg_catalog` only.
 */
export async function distributeSchema(client: Client, schema: string): Promise<void> {
  await client.query(`SELECT pg_catalog.citus_schema_distribute($1::pg_catalog.regnamespace)`, [
    quoteIdentifier(schema),
  ]);
}

/** Brings a schema with everything in it back to the coordinator. */
export async function undistributeSchema(client: Client, schema: string): Promise<void> {
  await client.query(`SELECT pg_catalog.citus_schema_undistribute($1::pg_catalog.regnamespace)`, [
    quoteIdentifier(schema),
  ]);
}

/** How the rows are moved: by logical replication, while the application writes, or while it waits. */
export type TransferMode = 'auto' | 'force_logical' | 'block_writes';

/** Moves a distributed schema to another node. */
export async function moveSchema(
  client: Client,
  schema: string,
  { host, port, mode }: { host: string; port: number; mode: TransferMode },
): Promise<void> {
  await client.query(
    `SELECT pg_catalog.citus_schema_move($1::pg_catalog.regnamespace, $2, $3, $4::citus.shard_transfer_mode)`,
    [quoteIdentifier(schema), host, port, mode],
  );
}
