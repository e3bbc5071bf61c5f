import type { Client } from 'pg';

import { isOnCitus } from './cluster.js';

/** `host:port` of a node, as the nodes of the cluster know each other. */
export type NodeAddress = string;

/**
 * The node of each distributed schema among these that has a table; a schema without tables gets its node with the first of them.
 * Reads the coordinator's catalog only. Empty where the extension is not installed, without a query.
 */
export async function readTenantNodes(client: Client, schemas: readonly string[]): Promise<Map<string, NodeAddress>> {
  if (!isOnCitus(client) || schemas.length === 0) return new Map();
  const { rows } = await client.query<{ schema: string; node: string }>(
    `SELECT DISTINCT n.nspname::pg_catalog.text AS schema, pg_catalog.format('%s:%s', d.nodename, d.nodeport) AS node
       FROM pg_catalog.pg_dist_schema s
       JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) s.schemaid
       JOIN pg_catalog.pg_dist_partition t ON t.colocationid OPERATOR(pg_catalog.=) s.colocationid
       JOIN pg_catalog.pg_dist_shard h ON h.logicalrelid OPERATOR(pg_catalog.=) t.logicalrelid
       JOIN pg_catalog.pg_dist_placement p ON p.shardid OPERATOR(pg_catalog.=) h.shardid
       JOIN pg_catalog.pg_dist_node d ON d.groupid OPERATOR(pg_catalog.=) p.groupid AND d.noderole OPERATOR(pg_catalog.=) 'primary'
      WHERE n.nspname::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])`,
    [[...schemas]],
  );
  return new Map(rows.map(({ schema, node }) => [schema, node]));
}

/** Which of these schemas are distributed, with or without tables. */
export async function distributedAmong(client: Client, schemas: readonly string[]): Promise<Set<string>> {
  if (!isOnCitus(client) || schemas.length === 0) return new Set();
  const { rows } = await client.query<{ schema: string }>(
    `SELECT n.nspname::pg_catalog.text AS schema
       FROM pg_catalog.pg_dist_schema s JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) s.schemaid
      WHERE n.nspname::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])`,
    [[...schemas]],
  );
  return new Set(rows.map(({ schema }) => schema));
}

/** The nodes that take tenants and that the cluster counts on, in alphabetical order. */
export async function readWorkers(client: Client): Promise<NodeAddress[]> {
  const { rows } = await client.query<{ node: string }>(
    `SELECT pg_catalog.format('%s:%s', nodename, nodeport) AS node FROM pg_catalog.pg_dist_node
      WHERE noderole OPERATOR(pg_catalog.=) 'primary' AND isactive AND shouldhaveshards ORDER BY 1`,
  );
  return rows.map(({ node }) => node);
}
