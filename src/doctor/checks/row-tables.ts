import type { Client } from 'pg';

import type { RegistryShape, RowsShape } from '../../registry/names.js';
import { readRowTables } from '../../row-tables/row-tables.js';
import { plural } from '../../util/format-count.js';
import { right, wrong } from '../results.js';
import type { Check, CheckGroup } from '../types.js';

/** Whether tables that tenants share keep their rows apart. */
export const ROW_TABLE_CHECKS: CheckGroup = {
  names: ['row-tables'],
  needs: 'fleet',
  run: async ({ client, project, server }) => [await rowTablesCheck(client, project.registry, server.version)],
};

async function rowTablesCheck(client: Client, shape: RegistryShape, version: number): Promise<Check> {
  const { rows } = shape;
  if (rows === undefined) return right('row-tables', 'no tenants share tables');
  const groups = await readRowTables(client, shape);
  const tables = groups.flatMap((group) => group.tables);
  const oids = tables.map(({ oid }) => oid);
  const items = [
    ...(await readUnprotected(client, rows, oids)),
    ...(await readKeys(client, rows, oids)),
    ...(await readReaders(client, oids, version)),
  ];
  const roles = (await readBypassing(client, oids)).map((name) => `the role ${name} has BYPASSRLS`);
  if (items.length === 0) {
    return right(
      'row-tables',
      `${plural(tables.length, 'table')}, all protected`,
      roles.length === 0 ? {} : { items: roles },
    );
  }
  return wrong('row-tables', `${plural(items.length, 'thing lets', 'things let')} rows of several tenants meet`, {
    items: [...items, ...roles],
    suggestions: [
      'Create tables with tenantTable of pg-tenants/migrations, and convert others with makeTenantTable.',
      'docs/row-level-tenants.md says what each table needs.',
    ],
  });
}

async function readUnprotected(client: Client, { setting }: RowsShape, oids: readonly number[]): Promise<string[]> {
  const { rows } = await client.query<{ item: string }>(
    `SELECT concat(c.relname, ': ', CASE
              WHEN NOT c.relrowsecurity THEN 'row-level security is not enabled'
              WHEN NOT c.relforcerowsecurity THEN 'row-level security is not forced for its owner'
              WHEN p.n = 0 THEN 'it has no policy'
              ELSE concat('the policy ', p.odd, ' does not look at ', $2::text) END) AS item
       FROM pg_class c, LATERAL (
            SELECT count(*) AS n, min(polname) FILTER (WHERE polpermissive
                     AND (strpos(coalesce(pg_get_expr(polqual, polrelid), $2), $2) = 0
                       OR strpos(coalesce(pg_get_expr(polwithcheck, polrelid), $2), $2) = 0)) AS odd
              FROM pg_policy WHERE polrelid = c.oid) p
      WHERE (c.oid = ANY ($1::oid[]) OR c.oid IN (SELECT relid FROM unnest($1::oid[]) AS t (oid), pg_partition_tree(t.oid)))
        AND (NOT c.relrowsecurity OR NOT c.relforcerowsecurity OR (p.n = 0 AND NOT c.relispartition) OR p.odd IS NOT NULL)
      ORDER BY c.relname`,
    [oids, setting],
  );
  return rows.map(({ item }) => item);
}

async function readKeys(client: Client, { column }: RowsShape, oids: readonly number[]): Promise<string[]> {
  const { rows } = await client.query<{ item: string }>(
    `WITH t AS (SELECT c.oid, c.relname, a.attnum FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2::text
                 WHERE c.oid = ANY ($1::oid[]))
     SELECT concat(t.relname, ': its primary key does not begin with ', $2::text) AS item FROM t
      WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary AND i.indkey[0] = t.attnum)
     UNION ALL
     SELECT concat(t.relname, ': the unique index ', x.relname, ' lacks ', $2::text)
       FROM t JOIN pg_index i ON i.indrelid = t.oid AND i.indisunique AND NOT i.indisprimary JOIN pg_class x ON x.oid = i.indexrelid
      WHERE t.attnum <> ALL (i.indkey::int2[])
     UNION ALL
     SELECT concat(t.relname, ': the foreign key ', k.conname, ' to ', o.relname, ' lacks ', $2::text)
       FROM t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' JOIN t o ON o.oid = k.confrelid
      WHERE NOT EXISTS (SELECT FROM unnest(k.conkey, k.confkey) AS p (own, other) WHERE p.own = t.attnum AND p.other = o.attnum)
     ORDER BY 1`,
    [oids, column],
  );
  return rows.map(({ item }) => item);
}

/** Views that read as their owner, materialized ones, and functions that run as theirs. */
async function readReaders(client: Client, oids: readonly number[], version: number): Promise<string[]> {
  const { rows } = await client.query<{ item: string }>(
    `SELECT DISTINCT concat('the ', CASE v.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END, v.relname, ' reads ', c.relname, ' as its owner') AS item
       FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
       JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm') JOIN pg_class c ON c.oid = d.refobjid
      WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1::oid[])
        AND (v.relkind = 'm' OR NOT coalesce(v.reloptions && ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1'], false))
     UNION
     SELECT concat('the function ', p.proname, ' reads ', c.relname, ' as its owner (SECURITY DEFINER)')
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, pg_class c
      WHERE p.prosecdef AND c.oid = ANY ($1::oid[]) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND p.prosrc ~* concat('\\m', regexp_replace(c.relname, '([^A-Za-z0-9_])', '\\\\\\1', 'g'), '\\M')
      ORDER BY 1`,
    [oids],
  );
  // Before PostgreSQL 15 no view can read as its invoker.
  const hint = version < 150_000 ? ' (PostgreSQL 15 has security_invoker)' : '';
  return rows.map(({ item }) => (item.startsWith('the view') ? `${item}${hint}` : item));
}

async function readBypassing(client: Client, oids: readonly number[]): Promise<string[]> {
  if (oids.length === 0) return [];
  const { rows } = await client.query<{ name: string }>(
    `SELECT rolname::text AS name FROM pg_roles WHERE rolbypassrls AND NOT rolsuper AND rolcanlogin AND rolname !~ '^pg_' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}
