import type { SurveyedFleet } from '../../fleet/read-fleet.js';
import { readPool } from '../../lifecycle/pool/mark.js';
import { STATUS } from '../../registry/names.js';
import { plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { noneOf, right, wrong } from '../results.js';
import type { Check, CheckGroup, Examination } from '../types.js';

/** Rows without a schema, schemas without a row, confusable names, and privileges on the tenants. */
export const TENANT_CHECKS: CheckGroup = {
  names: ['missing-schemas', 'unregistered-schemas', 'lookalike-names', 'tenant-privileges'],
  needs: 'fleet',
  run: async (exam) => {
    const { fleet } = exam;
    if (fleet === undefined) return [];
    return [
      missingCheck(fleet),
      await unregisteredCheck(exam, fleet),
      lookalikeCheck(exam, fleet),
      await privilegeCheck(exam, fleet),
    ];
  },
};

/** Unfinished tenants are left to another check. Pure. */
function missingCheck({ cohorts, registered }: SurveyedFleet): Check {
  const unfinished = new Set(
    registered.filter(({ status }) => status === STATUS.provisioning).map((tenant) => tenant.schema),
  );
  const items = cohorts
    .filter(({ rows }) => rows === undefined)
    .filter(({ state, members }) => state.kind === 'missing' || members.some(({ oid }) => oid === null))
    .flatMap(({ members }) => members.map(({ schema }) => schema))
    .filter((schema) => !unfinished.has(schema));
  return noneOf('missing-schemas', items, {
    thing: 'tenant has no schema',
    things: 'tenants have no schema',
    none: 'all present',
    suggestions: [
      `To create them, run: ${tenantsCommand('migrate', '--create-missing')}`,
      `To remove a row that should not be there, run: ${tenantsCommand('delete-tenant', 'NAME')}`,
    ],
  });
}

async function unregisteredCheck({ client, project }: Examination, { registered }: SurveyedFleet): Promise<Check> {
  const pool = (await readPool(client, project)).map(({ schema }) => schema);
  const known = [
    ...pool,
    project.shared.schema,
    ...project.tenants.extraSearchPath,
    ...registered.map(({ schema }) => schema),
  ];
  const { rows } = await client.query<{ schema: string }>(
    `SELECT n.nspname::text AS schema
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relname = $1::text AND c.relkind IN ('r', 'p')
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname::text <> ALL ($2::text[])
        AND 3 = (SELECT count(*) FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attname IN ('id', 'name', 'run_on') AND NOT a.attisdropped)
      ORDER BY 1`,
    [project.migrationsTable, known],
  );
  const items = rows.map(({ schema }) => schema);
  const example = items[0] ?? '';
  return noneOf('unregistered-schemas', items, {
    thing: 'schema has migrations but no tenant',
    things: 'schemas have migrations but no tenant',
    suggestions: [
      `To make one a tenant, run: ${tenantsCommand('create-tenant', example, '--adopt')}`,
      `If it is not needed, make it a tenant with ${tenantsCommand('create-tenant', example, '--adopt', '--no-migrate')} and delete that, which saves it and looks at what depends on it: ${tenantsCommand('delete-tenant', example, '--dump', `${example}.sql`)}`,
    ],
  });
}

/** Tools that fold case would confuse these names. Pure. */
export function lookalikeCheck(
  { schemas }: Pick<Examination, 'schemas'>,
  { registered }: Pick<SurveyedFleet, 'registered'>,
): Check {
  const tenants = new Set(registered.map(({ schema }) => schema));
  const groups = new Map<string, Set<string>>();
  for (const name of [...tenants, ...schemas]) {
    const folded = name.toLowerCase();
    groups.set(folded, (groups.get(folded) ?? new Set()).add(name));
  }
  const items = [...groups.values()]
    .filter((names) => names.size > 1 && [...names].some((name) => tenants.has(name)))
    .map((names) => [...names].map((name) => `${name}${tenants.has(name) ? '' : ' (no tenant)'}`).join(' and '));
  if (items.length === 0) return right('lookalike-names', 'all differ');
  return wrong(
    'lookalike-names',
    items.length === 1 ? 'one pair differs in case only' : `${items.length} differ in case only`,
    {
      items,
      suggestions: [`To rename a tenant, run: ${tenantsCommand('rename-tenant', 'OLD', 'NEW')}`],
    },
  );
}

async function privilegeCheck({ client, project }: Examination, { cohorts }: SurveyedFleet): Promise<Check> {
  const schemas = cohorts.flatMap(({ members }) => members.map(({ schema }) => schema));
  const { rows } = await client.query<{ schema: string; owner: string; enters: boolean; owns: boolean }>(
    `WITH acting AS (SELECT oid FROM pg_roles WHERE rolname = coalesce($3::text, current_user)), looked AS (
       SELECT t.schema, t.position, pg_get_userbyid(coalesce(c.relowner, n.nspowner)) AS owner,
              has_schema_privilege(a.oid, n.oid, 'USAGE') AND has_schema_privilege(a.oid, n.oid, 'CREATE') AS enters,
              c.oid IS NULL OR pg_has_role(a.oid, c.relowner, 'USAGE') AS owns
         FROM unnest($1::text[]) WITH ORDINALITY AS t (schema, position)
         JOIN pg_namespace n ON n.nspname::text = t.schema
         LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2::text AND c.relkind IN ('r', 'p')
         CROSS JOIN acting a)
     SELECT schema, owner::text, enters, owns FROM looked WHERE NOT (enters AND owns) ORDER BY position`,
    [schemas, project.migrationsTable, project.role ?? null],
  );
  if (rows.length === 0) return right('tenant-privileges', schemas.length === 0 ? 'no tenants yet' : 'all of them');
  return wrong(
    'tenant-privileges',
    `${plural(rows.length, 'tenant')} of ${schemas.length.toLocaleString('en-US')} not`,
    {
      items: rows.map(({ schema, owner, enters }) =>
        enters
          ? `${schema}: its migrations table belongs to "${owner}"`
          : `${schema}: no USAGE or CREATE on the schema`,
      ),
      suggestions: [
        'Connect as the owner of these tenants, or name the role that owns them as "role" in the configuration.',
      ],
    },
  );
}
