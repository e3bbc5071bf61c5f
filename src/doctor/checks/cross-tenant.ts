import type { Client } from 'pg';

import { findSchemaMentions } from '../../engine/sql/mentions/mentions.js';
import { pathOf } from '../../lifecycle/mentions/function-paths.js';
import { IS_USERS_ROUTINE, readDefinitions } from '../../lifecycle/mentions/read-texts.js';
import { noneOf } from '../results.js';
import type { CheckGroup } from '../types.js';

/** Most definitions with suspicious constants that are read; each may lock a table for a moment. */
const MOST_DEFINITIONS = 500;

/** A thing in one tenant's schema that uses the schema of another. */
type Reference = { tenant: string; object: string; other: string; how: string };

/** What of one tenant reads or writes the schema of another, as after a copy that was made by hand. */
export const CROSS_TENANT_CHECKS: CheckGroup = {
  names: ['cross-tenant-references'],
  needs: 'fleet',
  run: async ({ client, project, fleet }) => {
    const schemas = (fleet?.registered ?? [])
      .map(({ schema }) => schema)
      .filter((name) => name !== project.shared.schema);
    const tenants = new Set(schemas);
    const references = [
      ...(await boundReferences(client, schemas)),
      ...(await bodyReferences(client, tenants)),
      ...(await pathReferences(client, tenants)),
      ...(await definitionReferences(client, tenants)),
    ];
    const items = references.map(({ tenant, object, other, how }) => `${tenant}: ${object} ${how} "${other}"`);
    return [
      noneOf('cross-tenant-references', [...new Set(items)].sort(), {
        thing: 'object uses another tenant',
        things: 'objects use another tenant',
        suggestions: [
          "Define these objects again without a schema's name: the search path leads to the tenant's own tables.",
          'A function finds them with SET search_path to its own schema.',
        ],
      }),
    ];
  },
};

/** Objects that are bound to objects of another tenant: views, defaults, policies, triggers, foreign keys, functions. */
async function boundReferences(client: Client, tenants: readonly string[]): Promise<Reference[]> {
  const { rows } = await client.query<Omit<Reference, 'how'>>(
    `WITH namespaces AS MATERIALIZED (SELECT oid, nspname::text AS name FROM pg_namespace WHERE nspname = ANY ($1::text[])),
     places (classid, objid, namespace) AS MATERIALIZED (
         SELECT 'pg_class'::regclass::oid, oid, relnamespace FROM pg_class
       UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace FROM pg_proc
       UNION ALL SELECT 'pg_type'::regclass, oid, typnamespace FROM pg_type
       UNION ALL SELECT 'pg_constraint'::regclass, oid, connamespace FROM pg_constraint
       UNION ALL SELECT 'pg_rewrite'::regclass, r.oid, c.relnamespace FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
       UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, c.relnamespace FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
       UNION ALL SELECT 'pg_policy'::regclass, p.oid, c.relnamespace FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
       UNION ALL SELECT 'pg_trigger'::regclass, t.oid, c.relnamespace
                   FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal)
     SELECT DISTINCT n.name AS tenant, pg_describe_object(d.classid, d.objid, 0) AS object, o.name AS other
       FROM pg_depend d
       JOIN places x ON x.classid = d.classid AND x.objid = d.objid
       JOIN namespaces n ON n.oid = x.namespace
       JOIN places y ON y.classid = d.refclassid AND y.objid = d.refobjid
       JOIN namespaces o ON o.oid = y.namespace
      WHERE n.oid <> o.oid`,
    [tenants],
  );
  return rows.map((row) => ({ ...row, object: withoutRule(row.object), how: 'is bound to' }));
}

/** A view is stored as a rule, which people have not made. */
function withoutRule(object: string): string {
  return object.replace(/^rule _RETURN on /, '');
}

/** The same body in thousands of tenants is read once. */
async function bodyReferences(client: Client, tenants: ReadonlySet<string>): Promise<Reference[]> {
  const { rows: bodies } = await client.query<{ language: string; text: string }>(
    `SELECT DISTINCT l.lanname::text AS language, p.prosrc AS text ${FROM_ROUTINES}`,
    [[...tenants]],
  );
  const mentioned = new Map<string, Set<string>>();
  for (const { language, text } of bodies) {
    const found = await findSchemaMentions({ kind: 'body', language, text });
    const names = found.filter(({ schema, certain }) => certain && tenants.has(schema)).map(({ schema }) => schema);
    if (names.length > 0) mentioned.set(text, new Set(names));
  }
  if (mentioned.size === 0) return [];
  const { rows } = await client.query<{ tenant: string; object: string; text: string }>(
    `SELECT n.nspname::text AS tenant, pg_describe_object('pg_proc'::regclass, p.oid, 0) AS object, p.prosrc AS text
      ${FROM_ROUTINES} AND p.prosrc = ANY ($2::text[])`,
    [[...tenants], [...mentioned.keys()]],
  );
  return rows.flatMap(({ tenant, object, text }) =>
    othersOf(tenant, mentioned.get(text) ?? []).map((other) => ({ tenant, object, other, how: 'mentions' })),
  );
}

/** The search paths of functions. */
async function pathReferences(client: Client, tenants: ReadonlySet<string>): Promise<Reference[]> {
  const { rows } = await client.query<{ tenant: string; object: string; settings: string[] }>(
    `SELECT n.nspname::text AS tenant, pg_describe_object('pg_proc'::regclass, p.oid, 0) AS object, p.proconfig AS settings
      ${FROM_ROUTINES} AND p.proconfig IS NOT NULL`,
    [[...tenants]],
  );
  return rows.flatMap(({ tenant, object, settings }) => {
    const names = pathOf(settings).filter((name) => tenants.has(name));
    return othersOf(tenant, names).map((other) => ({ tenant, object, other, how: 'has in its search path' }));
  });
}

/** Constants such as `'globex.seq'::text`, which the server looks up when it evaluates them. */
async function definitionReferences(client: Client, tenants: ReadonlySet<string>): Promise<Reference[]> {
  const definitions = await readDefinitions(client, { among: [...tenants], dotted: true, limit: MOST_DEFINITIONS });
  const references: Reference[] = [];
  for (const { namespace: tenant, object, kind, text } of definitions) {
    const found = await findSchemaMentions({ kind, text });
    const names = found.filter(({ schema, certain }) => certain && tenants.has(schema)).map(({ schema }) => schema);
    references.push(...othersOf(tenant, names).map((other) => ({ tenant, object, other, how: 'mentions' })));
  }
  return references;
}

const FROM_ROUTINES = `FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname = ANY ($1::text[]) AND ${IS_USERS_ROUTINE}`;

function othersOf(tenant: string, names: Iterable<string>): string[] {
  return [...names].filter((name) => name !== tenant);
}
