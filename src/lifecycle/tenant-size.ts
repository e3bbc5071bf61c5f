import type { Client } from 'pg';

import { codeOf, SQLSTATE } from '../db/sqlstates.js';
import type { Project } from '../project/project.js';
import { assertRegistry } from '../registry/check.js';
import { assertNotPublic, requireTenant } from '../registry/known-tenant.js';
import { isRowTenant } from '../registry/list.js';
import type { TenantWithDomains } from '../registry/types.js';
import { withRows } from '../row-tables/row-scope.js';
import { countRows, readRowTables } from '../row-tables/row-tables.js';
import { withSession } from '../session/control-session.js';

/** What a tenant consists of, roughly: what deleting it would take away. */
export type TenantSize = {
  tenant: TenantWithDomains;
  /** `null`: there is no schema. */
  schema: {
    tables: number;
    /** As the server estimates them for its planner. */
    rows: number;
    /** With indexes; `null` when another session keeps a table locked. */
    bytes: number | null;
  } | null;
  /** Of a tenant that shares tables: those in which it has rows, counted one by one. */
  rows?: { table: string; rows: number }[];
};

/**
 * Looks at a tenant before it is deleted. Reads only.
 *
 * @throws TenantsError UNKNOWN_TENANT with the nearest names; USAGE for the public tenant; those of the connection.
 */
export async function readTenantSize(project: Project, schema: string): Promise<TenantSize> {
  return await withSession(project, `delete-tenant ${schema}`, async ({ client }) => {
    await assertRegistry(client, project.registry);
    assertNotPublic(project.registry, schema, 'deleted');
    const tenant = await requireTenant(client, project.registry, schema);
    if (isRowTenant(project.registry, tenant)) {
      return { tenant, schema: null, rows: await rowsOf(client, project, schema) };
    }
    const { rows } = await client.query<{ tables: number; rows: number }>(
      `SELECT count(c.oid)::int AS tables,
              coalesce(sum(greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0)) FILTER (WHERE c.relkind = 'r'), 0)::float8 AS rows
         FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
        WHERE n.nspname = $1::text GROUP BY n.oid`,
      [schema],
    );
    const [found] = rows;
    if (found === undefined) return { tenant, schema: null };
    const bytes = await client
      .query<{ bytes: number }>(
        `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 AS bytes
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1::text AND c.relkind IN ('r', 'm')`,
        [schema],
      )
      .then(({ rows: sizes }) => sizes[0]?.bytes ?? null)
      .catch((error: unknown) => {
        if (codeOf(error) === SQLSTATE.lockNotAvailable) return null;
        throw error;
      });
    return { tenant, schema: { ...found, bytes } };
  });
}

async function rowsOf(
  client: Client,
  { registry }: Project,
  tenant: string,
): Promise<{ table: string; rows: number }[]> {
  return await withRows(client, registry, tenant, async (key) => {
    const groups = await readRowTables(client, registry);
    const tables = groups.flatMap((group) => group.tables);
    const counts = await countRows(client, registry, tables, key);
    return counts.filter(({ rows }) => rows > 0).map(({ table, rows }) => ({ table: table.name, rows }));
  });
}
