import type { Client } from 'pg';

import { isOnCitus } from '../../db/citus/cluster.js';
import { dropLeftOnNode } from '../../db/citus/left-on-node.js';
import { qualified, quoteIdentifier } from '../../db/identifiers.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { Statement } from '../types.js';

/** What is to be done with a `CREATE INDEX CONCURRENTLY`: build the index, or nothing because it is there. */
export type IndexDecision = 'build' | 'done';

/**
 * Looks at the name of an index before it is built, under the tenant's search path: names are qualified. A process that was killed during or after the build leaves an index
 * behind: an invalid one is dropped, a valid one of the same table counts as built.
 *
 * @throws TenantsError MIGRATION_FAILED when the name belongs to something else.
 */
export async function prepareConcurrentIndex(
  client: Client,
  schema: string,
  statement: Statement,
): Promise<IndexDecision> {
  const name = statement.createsIndex?.name;
  if (statement.createsIndex === undefined || name === null || name === undefined) return 'build';
  const { rows } = await client.query<{ kind: string; valid: boolean | null; table: string | null }>(
    `SELECT c.relkind AS kind, i.indisvalid AS valid, t.relname AS table
       FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
       LEFT JOIN pg_catalog.pg_index i ON i.indexrelid OPERATOR(pg_catalog.=) c.oid
       LEFT JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) i.indrelid
      WHERE c.relname OPERATOR(pg_catalog.=) $2 AND n.nspname OPERATOR(pg_catalog.=) $1`,
    [schema, name],
  );
  const found = rows[0];
  if (found === undefined) {
    if (isOnCitus(client)) await dropLeftOnNode(client, qualified(schema, statement.createsIndex.table), name);
    return 'build';
  }
  if (found.table !== statement.createsIndex.table || (found.kind !== 'i' && found.kind !== 'I')) {
    throw new TenantsError(
      'MIGRATION_FAILED',
      `"${name}" exists already in the schema "${schema}" and is not an index of "${statement.createsIndex.table}".`,
    );
  }
  if (found.valid === true) return 'done';
  // A node of a Citus cluster need not have what the coordinator has.
  await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${qualified(schema, name)}`);
  return 'build';
}

/** Which of the indexes of a `DROP INDEX CONCURRENTLY` exist, so that a repeated one finds nothing to do. */
export async function remainingIndexes(client: Client, schema: string, names: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ relname: string }>(
    `SELECT c.relname FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
      WHERE c.relname OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.text[]::pg_catalog.name[])
        AND c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['i', 'I']::pg_catalog."char"[]) AND n.nspname OPERATOR(pg_catalog.=) $1`,
    [schema, [...names]],
  );
  return rows.map(({ relname }) => relname);
}

/** `DROP INDEX CONCURRENTLY "a"`. */
export function dropIndexStatement(name: string): string {
  return `DROP INDEX CONCURRENTLY ${quoteIdentifier(name)}`;
}
