import type { Client } from 'pg';

import type { RegistryShape } from './names.js';

/** The columns that the registry's tables really have; `undefined` where there is no such table. */
export type RegistryColumns = { tenants: string[] | undefined; domains: string[] | undefined };

/** Reads the columns of both tables from the catalog, in one query; views and foreign tables count as tables. */
export async function readRegistryColumns(client: Client, shape: RegistryShape): Promise<RegistryColumns> {
  const { rows } = await client.query<{ table: string; columns: string[] }>(
    `SELECT c.relname::text AS table,
            ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                   ORDER BY a.attnum) AS columns
       FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = ANY ($2::name[]) AND c.relkind IN ('r', 'p', 'v', 'f')`,
    [shape.schema, [shape.tenants.table, ...(shape.domains === null ? [] : [shape.domains.table])]],
  );
  const columnsOf = (table: string): string[] | undefined => rows.find((row) => row.table === table)?.columns;
  return {
    tenants: columnsOf(shape.tenants.table),
    domains: shape.domains === null ? undefined : columnsOf(shape.domains.table),
  };
}
