import type { Client } from 'pg';

import { qualified, quoteIdentifier } from '../../db/identifiers.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { Statement } from '../types.js';

/** What is to be done with a `CREATE INDEX CONCURRENTLY`: build the index, or nothing because it is there. */
export type IndexDecision = 'build' | 'done';

/**
 * Looks at the name of an index before it is built. A process that was killed during or after the build leaves an index
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
       FROM pg_class c
       LEFT JOIN pg_index i ON i.indexrelid = c.oid
       LEFT JOIN pg_class t ON t.oid = i.indrelid
      WHERE c.relname = $2 AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)`,
    [schema, name],
  );
  const found = rows[0];
  if (found === undefined) return 'build';
  if (found.table !== statement.createsIndex.table || (found.kind !== 'i' && found.kind !== 'I')) {
    throw new TenantsError(
      'MIGRATION_FAILED',
      `"${name}" exists already in the schema "${schema}" and is not an index of "${statement.createsIndex.table}".`,
    );
  }
  if (found.valid === true) return 'done';
  await client.query(`DROP INDEX CONCURRENTLY ${qualified(schema, name)}`);
  return 'build';
}

/** Which of the indexes of a `DROP INDEX CONCURRENTLY` exist, so that a repeated one finds nothing to do. */
export async function remainingIndexes(client: Client, schema: string, names: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ relname: string }>(
    `SELECT relname FROM pg_class
      WHERE relname = ANY ($2::text[]::name[]) AND relkind IN ('i', 'I')
        AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)`,
    [schema, [...names]],
  );
  return rows.map(({ relname }) => relname);
}

/** `DROP INDEX CONCURRENTLY "a"`. */
export function dropIndexStatement(name: string): string {
  return `DROP INDEX CONCURRENTLY ${quoteIdentifier(name)}`;
}
