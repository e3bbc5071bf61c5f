import { hasOwnSchema } from '../../registry/list.js';
import type { Examination } from '../types.js';

/** A migrations table, and whether it has the primary key that node-pg-migrate gives it. */
export type TableKey = { schema: string; hasKey: boolean };

/** Reads the primary keys of the migrations tables of the shared schema and of all tenants, in one catalog query. */
export async function readTableKeys({ client, project, fleet }: Examination): Promise<TableKey[]> {
  const registered = fleet?.registered ?? [];
  const tenants = registered.filter((tenant) => hasOwnSchema(project.registry, tenant));
  const { rows } = await client.query<TableKey>(
    `SELECT n.nspname::text AS schema,
            EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS "hasKey"
       FROM unnest($1::text[]) WITH ORDINALITY AS t (schema, position)
       JOIN pg_namespace n ON n.nspname::text = t.schema
       JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2::text AND c.relkind IN ('r', 'p')
      ORDER BY t.position`,
    [[project.shared.schema, ...tenants.map(({ schema }) => schema)], project.migrationsTable],
  );
  return rows;
}
