import type { Client } from 'pg';

import { quoteLiteral } from '../identifiers.js';

/** Characters of a name of which Citus keeps at least so many when it adds the number of the shard. */
const KEPT = 40;

/**
 * Drops the invalid index of that name that a failed `CREATE INDEX CONCURRENTLY` has left on the node of a distributed table, where the
 * coordinator does not show it: it would stand in the way of the next try. Nothing happens for a table that is not distributed.
 *
 * @param table qualified and quoted
 */
export async function dropLeftOnNode(client: Client, table: string, name: string): Promise<void> {
  const find = `SELECT pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, x.relname), ', ')
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class x ON x.oid OPERATOR(pg_catalog.=) i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) x.relnamespace
    JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) i.indrelid
   WHERE NOT i.indisvalid AND t.oid OPERATOR(pg_catalog.=) '@shard@'::pg_catalog.regclass
     AND pg_catalog.starts_with(x.relname::pg_catalog.text, ${quoteLiteral(name.slice(0, KEPT))})
     AND pg_catalog.substring(x.relname::pg_catalog.text, '_[0-9]+$') OPERATOR(pg_catalog.=) pg_catalog.substring(t.relname::pg_catalog.text, '_[0-9]+$')`;
  const found = await onPlacements(client, table, find);
  for (const index of found) await onPlacements(client, table, `DROP INDEX CONCURRENTLY IF EXISTS ${index}`);
}

/** Runs a command on every node that has the table; `@shard@` in it is the table there. Answers what is not empty. */
async function onPlacements(client: Client, table: string, command: string): Promise<string[]> {
  const text = command.replaceAll('%', '%%').replaceAll('@shard@', '%s');
  const { rows } = await client.query<{ success: boolean; result: string }>(
    `SELECT r.success, r.result FROM pg_catalog.pg_dist_partition p,
        LATERAL pg_catalog.run_command_on_placements(p.logicalrelid, $2) r
      WHERE p.logicalrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)`,
    [table, text],
  );
  const failed = rows.find(({ success }) => !success);
  if (failed !== undefined) throw new Error(`A node could not be asked for invalid indexes: ${failed.result}`);
  return rows.flatMap(({ result }) => (result === '' ? [] : [result]));
}
