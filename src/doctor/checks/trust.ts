import { quoteIdentifier } from '../../db/identifiers.js';
import { hasOwnSchema } from '../../registry/list.js';
import { NOTIFY_FUNCTION } from '../../registry/migration-template.js';
import { plural } from '../../util/format-count.js';
import { right, wrong } from '../results.js';
import type { Check, CheckGroup, Examination } from '../types.js';

/** Who besides the user can put code or filters of their own where migrations rely on there being none. */
export const TRUST_CHECKS: CheckGroup = {
  names: ['schema-creators', 'table-rules'],
  run: async (exam) => [await creatorsCheck(exam), await rulesCheck(exam)],
};

/**
 * Unqualified names of migrations are looked up in these schemas, so whoever may create there can put a function or an operator
 * in the place of PostgreSQL's own. Up to PostgreSQL 14 that is everybody, by default. What was granted to a role by name is
 * told, and is the administrator's decision.
 */
async function creatorsCheck({ client, project }: Examination): Promise<Check> {
  const { shared, tenants, role } = project;
  const { rows } = await client.query<{ schema: string; grantee: string | null }>(
    `SELECT n.nspname::text AS schema, r.rolname::text AS grantee
       FROM pg_namespace n
       CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
       LEFT JOIN pg_roles r ON r.oid = a.grantee
      WHERE n.nspname::text = ANY ($1::text[]) AND a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner
        AND (a.grantee = 0 OR NOT (r.rolsuper OR r.rolname = current_user OR r.rolname IS NOT DISTINCT FROM $2))
      ORDER BY array_position($1::text[], n.nspname::text), 2 NULLS FIRST`,
    [[shared.schema, ...tenants.extraSearchPath], role ?? null],
  );
  if (rows.length === 0) return right('schema-creators', 'no other role');
  const items = rows.map(({ schema, grantee }) => `${schema}: ${grantee === null ? 'PUBLIC' : `"${grantee}"`}`);
  const everybody = rows.filter(({ grantee }) => grantee === null);
  if (everybody.length === 0) return right('schema-creators', `${plural(rows.length, 'role')} besides`, { items });
  return wrong('schema-creators', 'everybody', {
    items,
    suggestions: everybody.map(({ schema }) => `REVOKE CREATE ON SCHEMA ${quoteIdentifier(schema)} FROM PUBLIC`),
  });
}

type Found = { schema: string; table: string; kind: 'policy' | 'rule' | 'trigger' | 'function'; name: string };

/**
 * Row-level security that hides rows from this user, rules, and triggers of the tables that decisions rest on. Triggers of the
 * registry are its owner's, and fine; those that run a function of another session are not.
 */
async function rulesCheck({ client, project, fleet }: Examination): Promise<Check> {
  const { registry, shared, migrationsTable } = project;
  const tenants = (fleet?.registered ?? []).filter((tenant) => hasOwnSchema(registry, tenant));
  const { rows } = await client.query<Found>(
    `WITH looked AS (
       SELECT c.oid, c.relowner, n.nspname::text AS schema, c.relname::text AS table,
              c.relname = $2::text AND n.nspname::text = ANY ($1::text[]) AS bookkeeping
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND (c.relname = $2::text AND n.nspname::text = ANY ($1::text[])
           OR n.nspname = $3::text AND c.relname::text IN ($4, $5)))
     SELECT schema, "table", 'policy' AS kind, '' AS name FROM looked WHERE row_security_active(oid)
     UNION ALL
     SELECT schema, "table", 'rule', r.rulename::text FROM looked JOIN pg_rewrite r ON r.ev_class = looked.oid
     UNION ALL
     SELECT schema, "table", 'trigger', t.tgname::text
       FROM looked JOIN pg_trigger t ON t.tgrelid = looked.oid JOIN pg_proc p ON p.oid = t.tgfoid
      WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND (bookkeeping OR NOT (
            p.proowner IN (looked.relowner, (SELECT oid FROM pg_roles WHERE rolname = current_user))
            OR (SELECT rolsuper FROM pg_roles WHERE oid = p.proowner)))
     UNION ALL
     SELECT n.nspname::text, '', 'function', p.proname::text
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = $3::text AND p.proname = $6::text
        AND NOT EXISTS (SELECT FROM unnest(p.proconfig) setting WHERE starts_with(setting, 'search_path='))
      ORDER BY 1, 2, 3, 4`,
    [
      [shared.schema, ...tenants.map(({ schema }) => schema)],
      migrationsTable,
      registry.schema,
      registry.tenants.table,
      registry.domains?.table ?? null,
      NOTIFY_FUNCTION,
    ],
  );
  const bad = rows.filter(({ kind }) => kind !== 'function');
  // Older versions of the first shared migration made it without; it matters where others may create in the shared schema.
  const unset = rows.filter(({ kind }) => kind === 'function');
  const notes = unset.map(
    ({ schema, name }) => `${schema}.${name}: it uses the search path of the session that changes the registry`,
  );
  const statements = unset.map(
    ({ schema, name }) =>
      `In a shared migration: ALTER FUNCTION ${quoteIdentifier(schema)}.${quoteIdentifier(name)}() SET search_path TO ''`,
  );
  if (bad.length === 0) {
    return right('table-rules', 'none', notes.length === 0 ? {} : { items: notes, suggestions: statements });
  }
  return wrong('table-rules', plural(bad.length, 'thing'), {
    items: [...bad.map(describe), ...notes],
    suggestions: [...new Set(bad.map(({ kind }) => ADVICE[kind])), ...statements],
  });
}

function describe({ schema, table, kind, name }: Found): string {
  return kind === 'policy'
    ? `${schema}.${table}: row-level security hides rows from this user`
    : `${schema}.${table}: ${kind} "${name}"`;
}

const ADVICE: Readonly<Record<Found['kind'], string>> = {
  policy:
    'Connect as the owner of the table (without FORCE ROW LEVEL SECURITY) or with BYPASSRLS, or disable row-level security there.',
  rule: 'DROP RULE: what is written to these tables must get there.',
  trigger: 'DROP TRIGGER: it runs with the rights of the user who migrates.',
  function: '',
};
