import { createRequire } from 'node:module';

import { beforeEach, expect } from 'vitest';

import { exec } from '../../src/each-tenant/exec/exec.js';
import { shell } from '../../src/each-tenant/exec/shell.js';
import { query } from '../../src/each-tenant/query/query.js';
import { isTenantsError } from '../../src/errors/tenants-error.js';
import { readFleetPage } from '../../src/fleet-page/read-fleet-page.js';
import { checksums } from '../../src/fleet/checksums/checksums.js';
import { listTenants } from '../../src/fleet/list-tenants.js';
import { status } from '../../src/fleet/status.js';
import { listRuns, readRun } from '../../src/journal/read/runs.js';
import { distributeTenants } from '../../src/lifecycle/citus/distribute-tenants.js';
import { moveTenant } from '../../src/lifecycle/citus/move-tenant.js';
import { cloneTenant } from '../../src/lifecycle/clone-tenant.js';
import { createDomain } from '../../src/lifecycle/create-domain.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { deleteDomain } from '../../src/lifecycle/delete-domain.js';
import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import { createTenants } from '../../src/lifecycle/many/create-tenants.js';
import { pool } from '../../src/lifecycle/pool/pool.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import { snapshot as snapshotMigrations } from '../../src/lifecycle/snapshot/take.js';
import { lintMigrations } from '../../src/lint/lint-migrations.js';
import type { Project } from '../../src/project/project.js';
import { adoptHistory } from '../../src/run/adopt/adopt-history.js';
import { dryRunMigrate, dryRunRollback } from '../../src/run/dry-run/dry-run.js';
import { migrate } from '../../src/run/migrate.js';
import { plan } from '../../src/run/plan.js';
import { rollback } from '../../src/run/rollback.js';
import { drift } from '../../src/structure/drift.js';
import type { TestDatabase } from './database.js';
import { type TestFleet, useFleet } from './fleet.js';

const PG = createRequire(import.meta.url).resolve('pg');

type Command = [name: string, run: (project: Project) => Promise<unknown>];

/** Every command that changes something, on a fleet that has the tenants `t1` and `t2` and the domain `t1.example.com`. */
export const WRITING: Command[] = [
  ['migrate', (project) => migrate(project, { selection: { kind: 'all' } })],
  ['migrate --shared', (project) => migrate(project, { selection: { kind: 'shared' } })],
  ['migrate --tenant', (project) => migrate(project, { selection: { kind: 'tenants', names: ['t1'] } })],
  ['rollback', (project) => rollback(project, { selection: { kind: 'tenants', names: ['t1'] } })],
  ['adopt-history', (project) => adoptHistory(project, { selection: { kind: 'all' } })],
  ['create-tenant', (project) => createTenant(project, { schema: 'made', domains: ['made.example.com'] })],
  [
    'create-tenant --from',
    (project) => createTenants(project, { tenants: { csv: 'schema,domain\nlisted,listed.example.com\n' } }),
  ],
  ['snapshot', (project) => snapshotMigrations(project)],
  ['pool --fill', (project) => pool(project, { fill: true, size: 1 })],
  ['create-tenant of the public tenant', (project) => createTenant(project, { schema: 'public' })],
  ['delete-tenant', (project) => deleteTenant(project, { schema: 't1' })],
  ['rename-tenant', (project) => renameTenant(project, { from: 't1', to: 'renamed' })],
  ['distribute', (project) => distributeTenants(project, {})],
  ['move-tenant', (project) => moveTenant(project, { schema: 't1', to: '127.0.0.1:5432' })],
  ['clone-tenant', (project) => cloneTenant(project, { source: 't1', schema: 'cloned' })],
  ['create-domain', (project) => createDomain(project, { schema: 't1', domain: 'more.example.com' })],
  ['delete-domain', (project) => deleteDomain(project, { domain: 't1.example.com' })],
  ['migrate --dry-run', (project) => dryRunMigrate(project, { selection: { kind: 'all' } })],
  ['rollback --dry-run', (project) => dryRunRollback(project, { selection: { kind: 'tenants' } })],
  ['query --write', (project) => ask(project, `INSERT INTO projects (name) VALUES ('written')`, true)],
];

/** Every command that only reads. */
export const READING: Command[] = [
  ['status', async (project) => await status(project)],
  ['status --tenant', async (project) => await status(project, { names: ['t2'] })],
  ['plan', async (project) => await plan(project, { selection: { kind: 'all' }, sql: true })],
  ['lint', async (project) => await lintMigrations(project)],
  ['drift', async (project) => await drift(project, { level: 'owners' })],
  ['list', async (project) => await listTenants(project)],
  ['pool', async (project) => await pool(project)],
  ['report', async (project) => ({ ...(await readFleetPage(project)), createdAt: '' })],
  ['runs', async (project) => await listRuns(project)],
  ['runs ID', async (project) => await readRun(project, 1)],
  ['checksums', async (project) => await checksums(project)],
  ['shell', (project) => shell(project, 't2', { command: ['true'], cwd: '/', env: process.env, stdout: 'stderr' })],
  ['query', async (project) => await ask(project, 'SELECT name, current_schema() AS at FROM projects ORDER BY 1')],
  ['query of a mistake', async (project) => await ask(project, 'SELECT no_such_column FROM projects')],
];

/** Runs a statement in each tenant and returns its rows and what failed. */
export async function ask(project: Project, sql: string, write = false): Promise<unknown> {
  const rows: unknown[] = [];
  const report = await query(project, {
    sql,
    write,
    onRows: (part) => void rows.push(...part.rows.map((row) => [part.tenant, ...row])),
  });
  return { rows, failed: report.failed.map(({ tenant, error }) => ({ tenant, sqlstate: error.sqlstate })) };
}

/** Runs a program for each tenant and returns what each wrote. */
export async function execute(project: Project, ...command: [string, ...string[]]): Promise<Record<string, string>> {
  const said: Record<string, string> = {};
  await exec(project, {
    command,
    cwd: '/',
    env: { PATH: process.env['PATH'] },
    onLines: (tenant, _stream, lines) => void (said[tenant] = (said[tenant] ?? '') + lines.join('\n')),
  });
  return said;
}

/** Two tenants that have one migration to come, a domain, and a row each: what `WRITING` and `READING` work on. */
export async function createPopulatedFleet(fleet: TestFleet): Promise<void> {
  await fleet.migrate({ selection: { kind: 'shared' } });
  await populate(fleet);
  await writePending(fleet);
}

/** The same before each test. */
export function usePopulatedFleet(): TestFleet {
  const fleet = useFleet({ each: true, tenants: [], prepare: populate });
  beforeEach(() => writePending(fleet));
  return fleet;
}

async function populate(fleet: TestFleet): Promise<void> {
  await createTenant(await fleet.project(), { schema: 't1', domains: ['t1.example.com'] });
  await fleet.create('t2');
  await fleet.database.query(
    `INSERT INTO t1.projects (name) VALUES ('of t1'); INSERT INTO t2.projects (name) VALUES ('of t2')`,
  );
}

async function writePending(fleet: TestFleet): Promise<void> {
  await fleet.tenantMigration(
    '0002_two.sql',
    '-- Up Migration\nCREATE TABLE two (id int);\n-- Down Migration\nDROP TABLE two;',
  );
}

/** Everything of the database that a command could change: relations, rows of the registry and of tenants. */
export async function snapshot(database: TestDatabase): Promise<unknown> {
  const { rows } = await database.query(
    `SELECT (SELECT json_agg(nspname || '.' || relname ORDER BY nspname || '.' || relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
              WHERE nspname !~ '^pg_' AND nspname <> 'information_schema') AS relations,
            (SELECT json_agg(nspname ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_') AS schemas,
            (SELECT json_agg(t ORDER BY id) FROM public.tenants t) AS tenants,
            (SELECT json_agg(d ORDER BY id) FROM public.domains d) AS domains,
            (SELECT json_agg(p ORDER BY id) FROM public.pgmigrations p) AS shared,
            (SELECT json_agg(p ORDER BY id) FROM t1.pgmigrations p) AS applied,
            (SELECT json_agg(p ORDER BY id) FROM t1.projects p) AS projects`,
  );
  return rows[0];
}

/**
 * The life of a tenant, from an empty database on. Leaves the database with the tenants `other` and `renamed`.
 *
 * @param forPrograms settings for `exec`, where they differ
 */
export async function liveWholeLife(
  fleet: TestFleet,
  overrides: Partial<Project> = {},
  forPrograms: Partial<Project> = overrides,
): Promise<void> {
  const project = async (more: Partial<Project> = {}): Promise<Project> => fleet.project({ ...overrides, ...more });
  const all = { kind: 'all' } as const;
  expect((await migrate(await project(), { selection: all })).shared.status).toBe('applied');
  const made = await createTenant(await project(), { schema: 'first', domains: ['first.example.com'] });
  expect(made.migrations).toEqual(['0001_projects']);
  await createTenant(await project(), { schema: 'other' });
  expect(await ask(await project(), `INSERT INTO projects (name) VALUES ('it''s "quoted"')`, true)).toMatchObject({
    failed: [],
  });
  await fleet.tenantMigration('0002_two.sql', LATER);
  await fleet.tenantMigration('0003_asks.js', ASKS);
  await fleet.tenantMigration('0004_index.sql', OUTSIDE);
  expect((await plan(await project(), { selection: all })).cohorts).toMatchObject([{ count: 2, mode: 'direct' }]);
  expect((await migrate(await project(), { selection: all })).tenants).toMatchObject({ applied: 2, failed: 0 });
  await copyFirst(await project());
  await renameTenant(await project(), { from: 'first', to: 'renamed' });
  await createDomain(await project(), { schema: 'renamed', domain: 'second.example.com' });
  await deleteDomain(await project(), { domain: 'first.example.com' });
  expect(await ask(await project(), 'SELECT name, made, kind FROM projects, two')).toEqual({
    rows: ['copy', 'other', 'renamed'].map((tenant) => [tenant, `it's "quoted"`, '2020-02-29 12:30:00', 'b']),
    failed: [],
  });
  const node = `const { Client } = require('pg'); (async () => { const c = new Client({ connectionString: process.env.DATABASE_URL });
    await c.connect(); console.log((await c.query('SELECT current_schema() AS at')).rows[0].at); await c.end(); })()`;
  expect(
    await execute(await project(forPrograms), process.execPath, '-e', node.replace("'pg'", JSON.stringify(PG))),
  ).toEqual({
    copy: 'copy',
    other: 'other',
    renamed: 'renamed',
  });
  const undo = { selection: { kind: 'tenants' }, target: { count: 3 }, confirmed: true } as const;
  expect((await rollback(await project(), undo)).tenants).toMatchObject({ rolledBack: 3, failed: 0 });
  await deleteTenant(await project(), { schema: 'copy' });
  expect((await status(await project())).cohorts).toMatchObject([{ count: 2, applied: 1, pending: ALL.slice(1) }]);
  expect((await listTenants(await project())).map(({ schema }) => schema)).toEqual(['other', 'renamed']);
  expect(await fleet.tables('renamed')).toEqual(['pgmigrations', 'projects']);
}

/** Where `pg_dump` is older than the server, a new tenant takes the place of the clone. */
async function copyFirst(project: Project): Promise<void> {
  try {
    await cloneTenant(project, { source: 'first', schema: 'copy' });
  } catch (error) {
    if (!isTenantsError(error) || error.code !== 'PG_DUMP_UNAVAILABLE') throw error;
    await createTenant(project, { schema: 'copy' });
    const copy = `INSERT INTO projects (name) SELECT name FROM first.projects WHERE current_schema() = 'copy'`;
    expect(await ask(project, copy, true)).toMatchObject({ failed: [] });
  }
}

const ALL = ['0001_projects', '0002_two', '0003_asks', '0004_index'];
const LATER = `-- Up Migration
CREATE TYPE kind AS ENUM ('a', 'b');
CREATE TABLE two (id int, made timestamp, kind kind);
CREATE FUNCTION say() RETURNS text LANGUAGE plpgsql AS $body$ BEGIN RETURN 'it''s'; END $body$;
INSERT INTO two VALUES (1, '2020-02-29 12:30:00', 'b');
-- Down Migration
DROP FUNCTION say();
DROP TABLE two;
DROP TYPE kind;
`;
/** Asks the database, so that it runs tenant by tenant. */
export const ASKS = `exports.up = async (pgm) => {
  const { rows } = await pgm.db.query('SELECT count(*)::int AS n FROM projects');
  pgm.createTable('asked', { id: 'id', n: { type: 'int', default: rows[0].n } });
};
exports.down = (pgm) => pgm.dropTable('asked');
`;
const OUTSIDE = `-- Up Migration
-- tenants: no-transaction
CREATE INDEX CONCURRENTLY two_made ON two (made);
-- Down Migration
-- tenants: no-transaction
DROP INDEX CONCURRENTLY two_made;
`;
