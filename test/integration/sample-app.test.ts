import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { FIRST_MIGRATIONS } from '../../src/config/scaffold.js';
import { registryMigration } from '../../src/registry/migration-template.js';
import { REPOSITORY } from '../support/build.js';
import { useDatabase } from '../support/database.js';
import { createProject, type TestProject } from '../support/project.js';
import { SHAPE } from '../support/registry-shapes.js';
import { type CliOutcome, runCli } from '../support/run-cli.js';

const database = useDatabase({ name: 'sample' });
let project: TestProject;
let files: string[];

beforeAll(async () => {
  project = await createProject();
  await cp(join(REPOSITORY, 'migrations'), project.path('migrations'), { recursive: true });
  files = (await readdir(project.path('migrations', 'tenant'))).map((file) => file.replace(/\.\w+$/, '')).sort();
});
afterAll(() => project.remove());

it('the first shared migration is the one that init writes', async () => {
  const text = await readFile(join(REPOSITORY, 'migrations', 'shared', FIRST_MIGRATIONS.shared), 'utf8');
  expect(text).toBe(registryMigration(SHAPE));
});

it('the shared schema is migrated on an empty database, and a tenant is created with everything', async () => {
  await tenants('migrate', '--shared');
  const created = await tenants('create-tenant', 'acme', 'acme.example.com', '--set', 'plan_code=studio', '--json');
  expect(created.json()).toMatchObject({ tenant: { schema: 'acme', status: 'active' }, migrations: files });
  const { rows } = await database.query(`SELECT plan_code FROM tenants WHERE schema_name = 'acme'`);
  expect(rows).toEqual([{ plan_code: 'studio' }]);
});

it('after tenants, node-pg-migrate finds nothing to do', async () => {
  expect((await nodePgMigrate('up', 'acme')).stdout).toContain('No migrations to run!');
  expect((await nodePgMigrate('up', 'public', 'shared')).stdout).toContain('No migrations to run!');
});

it('after node-pg-migrate, tenants finds nothing to do', async () => {
  await database.query('CREATE SCHEMA globex');
  await nodePgMigrate('up', 'globex');
  const adopted = await tenants('create-tenant', 'globex', 'globex.example.com', '--adopt', '--json');
  expect(adopted.json()).toMatchObject({ tenant: { schema: 'globex' }, migrations: [] });
  const report = (await tenants('migrate', '--json')).json();
  expect(report).toMatchObject({
    shared: { status: 'upToDate' },
    tenants: { total: 2, upToDate: 2, applied: 0 },
    results: [],
  });
});

it('both ways make the same tables, columns, indexes, constraints, functions, triggers, views and types', async () => {
  const catalog = await catalogOf('acme');
  expect(new Set(catalog.map((line) => line.split(' ')[0]))).toEqual(
    new Set(['relation', 'column', 'index', 'constraint', 'function', 'trigger', 'view', 'enum', 'comment']),
  );
  expect(await catalogOf('globex')).toEqual(catalog);
});

it('the names of the shared schema are resolved there and nowhere else', async () => {
  const { rows } = await database.query(`
    SELECT c.relnamespace::regnamespace::text || '.' || c.relname AS references_table
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid
     WHERE k.conrelid = 'acme.invoices'::regclass AND k.contype = 'f' ORDER BY 1`);
  expect(rows.map((row) => row['references_table'])).toEqual(['acme.projects', 'public.currencies']);
});

it('rows that were there before the slugs get one each', async () => {
  await tenants('create-tenant', 'initech', '--no-migrate');
  await tenants('migrate', '--tenant', 'initech', '--to', '0007_search');
  await database.query(`INSERT INTO initech.projects (name) VALUES ('Café Zürich'), ('Cafe Zurich'), ('…')`);
  await tenants('migrate', '--tenant', 'initech');
  const { rows } = await database.query('SELECT slug FROM initech.projects ORDER BY id');
  expect(rows.map((row) => row['slug'])).toEqual(['cafe-zurich', 'cafe-zurich-2', 'project']);
  expect(await catalogOf('initech')).toEqual(await catalogOf('acme'));
});

it('the total of an invoice follows its lines, whatever the search path of the writer', async () => {
  await database.query(`
    INSERT INTO globex.projects (name, slug) VALUES ('Site', 'site');
    INSERT INTO globex.invoices (project_id, number, status) SELECT id, '1', 'sent' FROM globex.projects;
    INSERT INTO globex.invoice_lines (invoice_id, position, description, quantity, unit_price)
      SELECT id, line, 'Work', 2, 10.5 FROM globex.invoices, generate_series(1, 3) AS line;
    DELETE FROM globex.invoice_lines WHERE position = 2`);
  const { rows } = await database.query('SELECT project, total, currency, overdue FROM globex.open_invoices');
  expect(rows).toEqual([{ project: 'Site', total: '42.00', currency: 'EUR', overdue: null }]);
});

it('what was applied can be taken back, and applied again', async () => {
  const before = await catalogOf('acme');
  await nodePgMigrate('down', 'acme', 'tenant', files.length);
  expect((await catalogOf('acme')).filter((line) => !line.includes('pgmigrations'))).toEqual([]);
  const { json } = await tenants('migrate', '--tenant', 'acme', '--json');
  expect(json()).toMatchObject({ results: [{ tenant: 'acme', status: 'applied', migrations: files }] });
  expect(await catalogOf('acme')).toEqual(before);

  for (const schema of ['acme', 'globex', 'initech']) await nodePgMigrate('down', schema, 'tenant', files.length);
  const shared = await readdir(project.path('migrations', 'shared'));
  await nodePgMigrate('down', 'public', 'shared', shared.length);
  expect((await catalogOf('public')).filter((line) => !line.includes('pgmigrations'))).toEqual([]);
});

/** Runs the command line, which must succeed. */
async function tenants(...args: string[]): Promise<CliOutcome> {
  return succeeded(await runCli(args, { cwd: project.root, env: { DATABASE_URL: database.url } }), args);
}

/** Runs node-pg-migrate's own command line as someone without `tenants` would. */
async function nodePgMigrate(
  direction: 'up' | 'down',
  schema: string,
  folder: 'tenant' | 'shared' = 'tenant',
  count?: number,
): Promise<CliOutcome> {
  const path = schema === 'public' ? [] : ['--schema', 'public'];
  const args = [direction, ...(count === undefined ? [] : [String(count)])];
  args.push(
    '-m',
    `migrations/${folder}`,
    '--schema',
    schema,
    ...path,
    '--migrations-schema',
    schema,
    '--verbose=false',
  );
  const bin = join(REPOSITORY, 'node_modules', 'node-pg-migrate', 'bin', 'node-pg-migrate.js');
  return succeeded(await runCli(args, { cwd: project.root, env: { DATABASE_URL: database.url }, bin }), args);
}

function succeeded(outcome: CliOutcome, args: string[]): CliOutcome {
  expect(outcome.code, `${args.join(' ')}\n${outcome.stdout}\n${outcome.stderr}`).toBe(0);
  return outcome;
}

/** Everything a schema holds, a line each, with the schema's name replaced. Members of extensions are left out. */
async function catalogOf(schema: string): Promise<string[]> {
  const client = await database.client();
  // With an empty path the server writes every name out, wherever it lies.
  await client.query(`SET search_path TO ''`);
  const { rows } = await client.query<{ line: string }>(CATALOG, [schema]);
  await client.end();
  return rows.map(({ line }) => line.replaceAll(`${schema}.`, 'tenant.'));
}

const CATALOG = `
WITH own AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1),
  rel AS (SELECT * FROM pg_catalog.pg_class WHERE relnamespace = (TABLE own))
SELECT concat_ws(' ', 'relation', relname, relkind) AS line FROM rel
UNION ALL
SELECT concat_ws(' ', 'column', relname, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
                 attgenerated, pg_get_expr(adbin, adrelid))
  FROM rel JOIN pg_catalog.pg_attribute a ON attrelid = rel.oid AND attnum > 0 AND NOT attisdropped
  LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE relkind IN ('r', 'v')
UNION ALL
SELECT concat_ws(' ', 'index', indisvalid, pg_get_indexdef(rel.oid))
  FROM rel JOIN pg_catalog.pg_index ON indexrelid = rel.oid
UNION ALL
SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
  FROM pg_catalog.pg_constraint WHERE connamespace = (TABLE own)
UNION ALL
SELECT 'function ' || pg_get_functiondef(p.oid) FROM pg_catalog.pg_proc p
 WHERE pronamespace = (TABLE own)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE objid = p.oid AND deptype = 'e')
UNION ALL
SELECT 'trigger ' || pg_get_triggerdef(t.oid)
  FROM rel JOIN pg_catalog.pg_trigger t ON tgrelid = rel.oid AND NOT tgisinternal
UNION ALL
SELECT 'view ' || relname || ' ' || pg_get_viewdef(oid) FROM rel WHERE relkind = 'v'
UNION ALL
SELECT 'enum ' || typname || ' ' || string_agg(enumlabel, ',' ORDER BY enumsortorder)
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_enum ON enumtypid = t.oid WHERE typnamespace = (TABLE own) GROUP BY typname
UNION ALL
SELECT 'comment ' || relname || ' ' || description
  FROM rel JOIN pg_catalog.pg_description ON objoid = rel.oid AND classoid = 'pg_catalog.pg_class'::regclass
ORDER BY 1`;
