import type { Client } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import { plural } from '../util/format-count.js';

/** Everything that `DROP SCHEMA … CASCADE` would drop. */
export type SchemaContents = {
  oid: number;
  /** Number of objects; each takes an entry in the server's lock table. */
  objects: number;
  /** Objects outside the schema, as the server describes them: `view public.totals`. At most 20. */
  foreign: string[];
  /** Extensions that are installed in the schema. */
  extensions: string[];
  /** Number of entries in the server's lock table, which all connections share. */
  lockSpace: number;
};

/**
 * Follows the dependencies from a schema as `DROP … CASCADE` does, in one query.
 *
 * @returns `undefined` if the schema does not exist.
 */
export async function readContents(client: Client, schema: string): Promise<SchemaContents | undefined> {
  const { rows } = await client.query<SchemaContents>(CLOSURE, [schema]);
  return rows[0];
}

/**
 * Refuses to drop anything outside the tenant: views of the shared schema that read its tables, foreign keys that reference
 * them, extensions that the whole database uses.
 *
 * @throws TenantsError USAGE
 */
export function assertOwnContents(schema: string, { foreign, extensions }: SchemaContents): void {
  const problems = [...extensions.map((name) => `extension "${name}"`), ...foreign];
  if (problems.length === 0) return;
  throw new TenantsError(
    'USAGE',
    `The schema "${schema}" cannot be dropped: ${plural(problems.length, 'object')} outside of it would be dropped too.`,
    {
      tenant: schema,
      problems,
      suggestions: [
        ...extensions.map((name) => `Move the extension: ALTER EXTENSION "${name.replaceAll('"', '""')}" SET SCHEMA …`),
        ...(foreign.length === 0 ? [] : ['Drop these objects, or remove the tenant from them, and try again.']),
        'To unregister the tenant but keep its schema, add --keep-schema.',
      ],
    },
  );
}

/**
 * Whether there are too many objects for one transaction: dropping takes a lock on each, and all sessions share the lock
 * table. Half of it is left to the others. Pure.
 */
export function isLarge({ objects, lockSpace }: Pick<SchemaContents, 'objects' | 'lockSpace'>): boolean {
  return objects > lockSpace / 2;
}

/**
 * The recursion ends because UNION removes duplicates. Dropping a whole object (`sub` 0) also drops everything that depends
 * on any of its columns. Rules, defaults, triggers and policies belong to the schema of their table; the internal triggers
 * of a foreign key, which are attached to both tables, are part of it.
 */
const CLOSURE = `WITH RECURSIVE gone (classid, objid, sub) AS (
    SELECT 'pg_namespace'::regclass::oid, oid, 0 FROM pg_namespace WHERE nspname = $1
  UNION
    SELECT d.classid, d.objid, d.objsubid
      FROM gone g
      JOIN pg_depend d ON d.refclassid = g.classid AND d.refobjid = g.objid AND (g.sub = 0 OR g.sub = d.refobjsubid)
     WHERE d.deptype IN ('n', 'a', 'i', 'P', 'S')
), placed AS (
  SELECT g.*, CASE g.classid
      WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = g.objid)
      WHEN 'pg_type'::regclass THEN (SELECT typnamespace FROM pg_type WHERE oid = g.objid)
      WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc WHERE oid = g.objid)
      WHEN 'pg_constraint'::regclass THEN (SELECT connamespace FROM pg_constraint WHERE oid = g.objid)
      WHEN 'pg_rewrite'::regclass THEN
        (SELECT c.relnamespace FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE r.oid = g.objid)
      WHEN 'pg_attrdef'::regclass THEN
        (SELECT c.relnamespace FROM pg_attrdef a JOIN pg_class c ON c.oid = a.adrelid WHERE a.oid = g.objid)
      WHEN 'pg_trigger'::regclass THEN
        (SELECT c.relnamespace FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
          WHERE t.oid = g.objid AND NOT t.tgisinternal)
      WHEN 'pg_policy'::regclass THEN
        (SELECT c.relnamespace FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE p.oid = g.objid)
    END AS namespace
    FROM gone g
), outside AS (
  SELECT p.* FROM placed p JOIN pg_namespace n ON n.oid = p.namespace
   WHERE n.nspname <> $1 AND n.nspname !~ '^pg_toast' AND n.nspname !~ '^pg_temp'
)
SELECT (SELECT oid FROM pg_namespace WHERE nspname = $1) AS oid,
       count(*)::int AS objects,
       ARRAY(SELECT DISTINCT pg_describe_object(o.classid, o.objid, o.sub) FROM outside o ORDER BY 1 LIMIT 20) AS foreign,
       ARRAY(SELECT e.extname::text FROM gone g JOIN pg_extension e ON g.classid = 'pg_extension'::regclass AND e.oid = g.objid
              ORDER BY 1) AS extensions,
       current_setting('max_locks_per_transaction')::int
         * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) AS "lockSpace"
  FROM gone
HAVING count(*) > 0`;

/** The OID of a schema, or `undefined`. */
export async function namespaceOf(client: Client, schema: string): Promise<number | undefined> {
  const { rows } = await client.query<{ oid: number }>('SELECT oid FROM pg_namespace WHERE nspname = $1', [schema]);
  return rows[0]?.oid;
}
