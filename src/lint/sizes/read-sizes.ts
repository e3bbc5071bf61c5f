import type { Client } from 'pg';

import { inspectRegistry } from '../../registry/check.js';
import { hasOwnSchema, readTenants } from '../../registry/list.js';
import type { LintProject, LintSet, TableSize } from '../types.js';

/** Tables whose size is asked for: those of the shared schema, and of each type of tenant. */
export type WantedTables = ReadonlyMap<Pick<LintSet, 'schema' | 'type'>, ReadonlySet<string>>;

export type Sizes = {
  /** Tenants of the database. */
  tenants: number;
  tenantsOf(type: string | null): number;
  sizeOf(set: Pick<LintSet, 'schema' | 'type'>, table: string): TableSize | undefined;
};

/**
 * Reads from the server's statistics how large tables are, without a lock on them.
 *
 * @throws TenantsError REGISTRY_MISMATCH, and what the server answers.
 */
export async function readSizes(
  client: Client,
  project: Pick<LintProject, 'registry' | 'tenants' | 'shared'>,
  wanted: WantedTables,
): Promise<Sizes> {
  const { registry } = project;
  const present = (await inspectRegistry(client, registry)) === 'present';
  const rows = present ? await readTenants(client, registry, { order: project.tenants.order }) : [];
  const tenants = rows.filter(
    (row) => hasOwnSchema(registry, row) && registry.ignoreStatuses?.includes(row.status) !== true,
  );
  const schemasOf = (type: string | null): string[] =>
    tenants.filter((tenant) => tenant.type === type).map(({ schema }) => schema);
  const sizes = new Map<string, TableSize>();
  for (const [{ schema, type }, tables] of wanted) {
    const schemas = schema === 'shared' ? [project.shared.schema] : schemasOf(type);
    for (const size of await query(client, schemas, [...tables])) sizes.set(key({ schema, type }, size.name), size);
  }
  return {
    tenants: tenants.length,
    tenantsOf: (type) => schemasOf(type).length,
    sizeOf: (set, table) => sizes.get(key(set, table)),
  };
}

function key({ schema, type }: Pick<LintSet, 'schema' | 'type'>, table: string): string {
  return JSON.stringify([schema, type, table]);
}

/** Statistics lag behind; the higher of the two counts is the one that was refreshed later, or has not been yet. */
const SIZES = `
  SELECT c.relname AS name, count(*)::int AS tenants,
         (array_agg(n.nspname ORDER BY s.live DESC, n.nspname))[1] AS largest,
         max(s.live)::float8 AS rows,
         (array_agg(c.relpages::bigint * current_setting('block_size')::bigint ORDER BY s.live DESC, n.nspname))[1]::float8 AS bytes
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT greatest(c.reltuples::float8, pg_stat_get_live_tuples(c.oid)::float8, 0) AS live) s
  WHERE n.nspname = ANY ($1::text[]) AND c.relname = ANY ($2::text[]) AND c.relkind IN ('r', 'p', 'm')
  GROUP BY c.relname`;

type SizeRow = { name: string; tenants: number; largest: string; rows: number; bytes: number };

async function query(client: Client, schemas: string[], tables: string[]): Promise<TableSize[]> {
  if (schemas.length === 0 || tables.length === 0) return [];
  const { rows } = await client.query<SizeRow>(SIZES, [schemas, tables]);
  return rows.map(({ name, tenants, largest, rows: count, bytes }) => ({
    name,
    tenants,
    largest: { schema: largest, rows: count, bytes },
  }));
}
