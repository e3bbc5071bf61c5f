import { Pool } from 'pg';
import { describe, expect, it, vi } from 'vitest';

import { isUpToDate, status } from '../../src/fleet/status.js';
import type { FleetEvent } from '../../src/fleet/types.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { createTenants } from '../../src/lifecycle/many/create-tenants.js';
import { pool } from '../../src/lifecycle/pool/pool.js';
import { snapshot } from '../../src/lifecycle/snapshot/take.js';
import { dryRunMigrate } from '../../src/run/dry-run/dry-run.js';
import { plan } from '../../src/run/plan.js';
import { exitCodeOf } from '../../src/run/report.js';
import { rollback } from '../../src/run/rollback.js';
import type { MigrateOptions } from '../../src/run/types.js';
import { createTenancy } from '../../src/runtime/index.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({ each: true, tenants: ['a', 'b', 'c'] });

const sql = (up: string, down: string, comment = ''): string =>
  `${comment}-- Up Migration\n${up}\n-- Down Migration\n${down}\n`;
const POST = '-- tenants: phase=post\n';

/** An expansion, and a contraction that waits. */
async function write(): Promise<void> {
  await fleet.tenantMigration(
    '0002_add.sql',
    sql('ALTER TABLE projects ADD title text;', 'ALTER TABLE projects DROP title;'),
  );
  await fleet.tenantMigration(
    '0003_drop.sql',
    sql('ALTER TABLE projects DROP COLUMN name;', 'ALTER TABLE projects ADD name text;', POST),
  );
}

const pre = async (options: Partial<MigrateOptions> = {}) => await fleet.migrate({ phase: 'pre', ...options });
const post = async (options: Partial<MigrateOptions> = {}) => await fleet.migrate({ phase: 'post', ...options });

describe('migrate', () => {
  it.each(['standard', 'multiprocessing', 'worker-threads'])('by phases, with %s', async (executor) => {
    await write();
    const before = await fleet.migrate({ phase: 'pre' }, { executor, maxProcesses: 1 });
    expect(before).toMatchObject({
      tenants: { applied: 3 },
      phase: { name: 'pre', waiting: ['0003_drop'], heldBack: [] },
      warnings: [],
    });
    expect(exitCodeOf(before)).toBe(0);
    expect(await fleet.applied('c')).toEqual(['0001_projects', '0002_add']);
    expect(await pre()).toMatchObject({ tenants: { applied: 0, upToDate: 3 }, phase: { waiting: ['0003_drop'] } });
    const after = await fleet.migrate({ phase: 'post' }, { executor, maxProcesses: 1 });
    expect(after).toMatchObject({ tenants: { applied: 3 }, phase: { name: 'post', waiting: [], heldBack: [] } });
    expect(exitCodeOf(after)).toBe(0);
    expect(await fleet.applied('c')).toEqual(['0001_projects', '0002_add', '0003_drop']);
  });

  it('without a phase applies everything, in order', async () => {
    await write();
    const report = await fleet.migrate();
    expect(report).toMatchObject({ tenants: { applied: 3 } });
    expect(report).not.toHaveProperty('phase');
    expect(await fleet.applied('a')).toEqual(['0001_projects', '0002_add', '0003_drop']);
  });

  it('names what is held back by the last release, and does not end with exit code 0', async () => {
    await write();
    await pre();
    await fleet.tenantMigration('0004_more.sql', sql('CREATE TABLE more (id int);', 'DROP TABLE more;'));
    await fleet.tenantMigration(
      '0005_less.js',
      `// tenants: phase=post\nexport const up = (pgm) => pgm.dropTable('more');\n`,
    );
    await fleet.migrate({ selection: { kind: 'tenants', names: ['b'] }, target: { to: '0003_drop' } });
    const report = await pre();
    expect(report).toMatchObject({
      tenants: { applied: 1, upToDate: 2 },
      phase: {
        waiting: ['0003_drop', '0005_less'],
        heldBack: [
          { schema: 'tenant', type: null, migrations: ['0004_more'], behind: '0003_drop', tenants: ['a', 'c'] },
        ],
      },
    });
    expect(report.warnings).toEqual([
      '0004_more is held back in 2 tenants (a, c): 0003_drop comes first, and waits for the code of an earlier release. Do not start code that needs 0004_more. When that earlier code runs everywhere, run: tenants migrate --phase post; then this command again.',
    ]);
    expect(exitCodeOf(report)).toBe(1);
    expect(await fleet.applied('b')).toEqual(['0001_projects', '0002_add', '0003_drop', '0004_more']);
    const second = await post();
    expect(second).toMatchObject({
      tenants: { applied: 3 },
      phase: { heldBack: [{ migrations: ['0005_less'], behind: '0004_more', tenants: ['a', 'c'] }] },
    });
    expect(exitCodeOf(second)).toBe(1);
    expect(await fleet.applied('a')).toEqual(['0001_projects', '0002_add', '0003_drop', '0004_more']);
    expect(await fleet.applied('b')).toHaveLength(5);
    expect(exitCodeOf(await post())).toBe(0);
    expect(await fleet.applied('a')).toHaveLength(5);
  });

  it('treats shared migrations in the same way', async () => {
    await fleet.files.write(
      'migrations/shared/0002_plans.sql',
      sql('CREATE TABLE plans (id int);', 'DROP TABLE plans;'),
    );
    await fleet.files.write(
      'migrations/shared/0003_old.sql',
      sql('DROP TABLE plans;', 'CREATE TABLE plans (id int);', POST),
    );
    await fleet.files.write('migrations/shared/0004_new.sql', sql('CREATE TABLE fees (id int);', 'DROP TABLE fees;'));
    const report = await pre();
    expect(report).toMatchObject({
      shared: { status: 'applied', migrations: ['0002_plans'] },
      phase: { waiting: ['0003_old'], heldBack: [{ schema: 'shared', migrations: ['0004_new'], tenants: [] }] },
    });
    expect(exitCodeOf(report)).toBe(1);
    expect(await post()).toMatchObject({ shared: { migrations: ['0003_old', '0004_new'] }, phase: { heldBack: [] } });
  });

  it('of tenants alone goes on while the shared schema waits for the new code', async () => {
    await fleet.files.write(
      'migrations/shared/0002_old.sql',
      sql('CREATE TABLE old (id int);', 'DROP TABLE old;', POST),
    );
    await write();
    const selection = { kind: 'tenants', names: ['a'] } as const;
    expect(await pre({ selection })).toMatchObject({ tenants: { applied: 1 } });
    await expect(post({ selection })).rejects.toMatchObject({ code: 'SHARED_PENDING' });
    await createTenant(await fleet.project(), { schema: 'd' });
    expect(await fleet.applied('d')).toEqual(['0001_projects', '0002_add']);
  });

  it('has waves in each phase, and a retry of what failed in it', async () => {
    await write();
    const rollout = { waves: [1, '100%'] };
    expect(await pre({ rollout })).toMatchObject({ wave: { current: 1, of: 2 }, tenants: { applied: 1 } });
    expect(await pre({ rollout })).toMatchObject({ wave: { current: 2, of: 2 }, tenants: { applied: 2 } });
    expect(await pre({ rollout })).toMatchObject({ wave: { current: 2, of: 2 }, tenants: { upToDate: 3 } });
    await fleet.database.query('ALTER TABLE a.projects RENAME COLUMN name TO other');
    expect(await post({ rollout })).toMatchObject({ wave: { current: 1, of: 2 }, tenants: { failed: 1 } });
    await fleet.database.query('ALTER TABLE a.projects RENAME COLUMN other TO name');
    expect(await pre({ failedOf: 'latest' })).toMatchObject({ tenants: { total: 1, upToDate: 1 } });
    const failed = await fleet.database.query<{ id: string }>(
      `SELECT max(run)::text AS id FROM tenants_journal.results WHERE status = 'failed'`,
    );
    expect(await post({ failedOf: Number(failed.rows[0]?.id) })).toMatchObject({ tenants: { total: 1, applied: 1 } });
    expect(await post({ rollout })).toMatchObject({ wave: { current: 2, of: 2 }, tenants: { applied: 2 } });
  });

  it('tries a phase in a dry run, and plan shows it', async () => {
    await write();
    const project = await fleet.project();
    const tried = await dryRunMigrate(project, { selection: { kind: 'all' }, phase: 'pre' });
    expect(tried).toMatchObject({ cohorts: [{ pending: ['0002_add'] }], phase: { waiting: ['0003_drop'] } });
    const planned = await plan(project, { selection: { kind: 'all' }, phase: 'pre' });
    expect(planned).toMatchObject({ cohorts: [{ pending: ['0002_add'] }], phase: { waiting: ['0003_drop'] } });
    expect(planned.cohorts[0]).not.toHaveProperty('post');
    const whole = await plan(project, { selection: { kind: 'all' } });
    expect(whole.cohorts).toMatchObject([{ pending: ['0002_add', '0003_drop'], post: ['0003_drop'] }]);
  });

  it('is undone as ever', async () => {
    await write();
    await pre();
    const run = await post();
    const options = { selection: { kind: 'tenants' }, confirmed: true } as const;
    await rollback(await fleet.project(), { ...options, run: run.run ?? 0 });
    expect(await fleet.applied('a')).toEqual(['0001_projects', '0002_add']);
    await rollback(await fleet.project(), options);
    expect(await fleet.applied('a')).toEqual(['0001_projects']);
  });

  it('refuses a comment that names no phase', async () => {
    await fleet.tenantMigration('0002_add.sql', `-- tenants: phase=later\n${sql('SELECT 1;', 'SELECT 1;')}`);
    await expect(pre()).rejects.toMatchObject({ code: 'MIGRATIONS_UNREADABLE' });
  });
});

describe('status', () => {
  it('tells what waits from what is due', async () => {
    await write();
    const due = await status(await fleet.project(), { names: ['a'] });
    expect(due).toMatchObject({
      tenants: { pending: 1 },
      cohorts: [{ pending: ['0002_add', '0003_drop'], post: ['0003_drop'] }],
      details: [{ post: ['0003_drop'] }],
    });
    expect([isUpToDate(due), isUpToDate(due, 'pre')]).toEqual([false, false]);
    await pre();
    const waits = await status(await fleet.project());
    expect(waits).toMatchObject({ tenants: { pending: 3, postOnly: 3 }, cohorts: [{ post: ['0003_drop'] }] });
    expect([isUpToDate(waits), isUpToDate(waits, 'pre')]).toEqual([false, true]);
    await post();
    const done = await status(await fleet.project());
    expect(done.cohorts[0]).not.toHaveProperty('post');
    expect(isUpToDate(done)).toBe(true);
  });
});

describe('a new tenant', () => {
  it('gets what the fleet has, and says what is left out', async () => {
    await write();
    await pre();
    const events: FleetEvent[] = [];
    const project = await fleet.project();
    await createTenant(project, { schema: 'd', onEvent: (event) => events.push(event) });
    expect(await fleet.applied('d')).toEqual(['0001_projects', '0002_add']);
    expect(events).toContainEqual({
      type: 'warning',
      message:
        '0003_drop is left out: no tenant has 0003_drop yet, which waits until the new code runs everywhere. --phase post applies everything.',
    });
    await createTenant(project, { schema: 'e', phase: 'post' });
    expect(await fleet.applied('e')).toEqual(['0001_projects', '0002_add', '0003_drop']);
    await createTenants(project, { tenants: [{ schema: 'f' }] });
    expect(await fleet.applied('f')).toEqual(['0001_projects', '0002_add', '0003_drop']);
  });

  it('gets everything when it is the first one, unless a phase is named', async () => {
    await write();
    await fleet.database.query('DELETE FROM tenants');
    await createTenant(await fleet.project(), { schema: 'f', phase: 'pre' });
    expect(await fleet.applied('f')).toEqual(['0001_projects', '0002_add']);
    await fleet.database.query('DELETE FROM tenants');
    await createTenant(await fleet.project(), { schema: 'g' });
    expect(await fleet.applied('g')).toEqual(['0001_projects', '0002_add', '0003_drop']);
  });

  it('comes from a snapshot or the pool at the same place', async () => {
    await write();
    await pre();
    const project = await fleet.project({ pool: { size: 1 } });
    const taken = await snapshot(project);
    expect(taken.snapshots).toMatchObject([{ last: '0002_add' }]);
    expect(await pool(project, { fill: true })).toMatchObject({ pools: [{ ready: 1, created: 1 }] });
    const events: FleetEvent[] = [];
    const onEvent = (event: FleetEvent): void => void events.push(event);
    for (const schema of ['d', 'e']) await createTenant(project, { schema, snapshot: true, onEvent });
    for (const schema of ['d', 'e']) expect(await fleet.applied(schema)).toEqual(['0001_projects', '0002_add']);
    expect(events.filter((event) => event.type === 'warning' && event.message.includes('snapshot'))).toEqual([]);
    expect(await pool(project)).toMatchObject({ pools: [{ ready: 0 }] });
    await pool(project, { fill: true });
    const report = await fleet.migrate({ phase: 'post' }, { pool: { size: 1 } });
    expect(report.warnings).toEqual([]);
    expect(await pool(project)).toMatchObject({ pools: [{ ready: 1, stale: 0 }] });
    await createTenant(project, { schema: 'f' });
    await createTenant(project, { schema: 'g', snapshot: true, onEvent });
    for (const schema of ['f', 'g']) expect(await fleet.applied(schema)).toHaveLength(3);
    await snapshot(project);
    await fleet.tenantMigration('0004_x.sql', sql('CREATE TABLE x (id int);', 'DROP TABLE x;', POST));
    await createTenant(project, { schema: 'h', snapshot: true, onEvent });
    expect(await fleet.applied('h')).toHaveLength(3);
    expect(events.filter((event) => event.type === 'warning' && event.message.includes('snapshot'))).toEqual([]);
  });

  it('does not start from a snapshot that has more than the fleet', async () => {
    await write();
    const project = await fleet.project();
    await fleet.database.query(`DELETE FROM tenants WHERE schema_name <> 'a'`);
    await fleet.migrate();
    await snapshot(project);
    await rollback(project, { selection: { kind: 'tenants' }, confirmed: true });
    const events: FleetEvent[] = [];
    await createTenant(project, { schema: 'd', onEvent: (event) => events.push(event) });
    expect(await fleet.applied('d')).toEqual(['0001_projects', '0002_add']);
    expect(events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))[1]).toMatch(
      /because it has 0003_drop, which no tenant has yet;/,
    );
  });
});

it('a tenant is ready for the new code while migrations wait for it', async () => {
  await write();
  const connections = new Pool({ connectionString: fleet.database.url });
  const migrations = fleet.files.path('migrations', 'tenant');
  const tenancies = [migrations, { directory: migrations, format: 'node-pg-migrate' }].map((one) =>
    createTenancy({ pool: connections, migrations: one, listen: false, cache: { ttl: 0, negativeTtl: 0 } }),
  );
  const areReady = async (): Promise<boolean[]> =>
    await Promise.all(
      tenancies.map(async (tenancy) => {
        const tenant = await tenancy.find('a');
        return tenant !== null && (await tenancy.isReady(tenant));
      }),
    );
  expect(await areReady()).toEqual([false, false]);
  await pre();
  // "Not ready" holds for a second.
  await vi.waitFor(async () => expect(await areReady()).toEqual([true, true]), { timeout: 5000, interval: 100 });
  await post();
  expect(await areReady()).toEqual([true, true]);
  for (const tenancy of tenancies) await tenancy.close();
  await connections.end();
});

it.each([
  ['plain files', '-- tenants: phase=post\nALTER TABLE one DROP COLUMN name;', 'CREATE TABLE one (id int, name text);'],
  [
    'dbmate',
    '-- tenants: phase=post\n-- migrate:up\nALTER TABLE one DROP COLUMN name;\n-- migrate:down\nSELECT 1;',
    '-- migrate:up\nCREATE TABLE one (id int, name text);\n-- migrate:down\nDROP TABLE one;',
  ],
])('migrations of another format have phases: %s', async (_format, drops, creates) => {
  await fleet.files.write('other/0001_one.sql', creates);
  await fleet.files.write('other/0002_drop.sql', drops);
  await fleet.database.query("DELETE FROM tenants; INSERT INTO tenants (schema_name) VALUES ('o')");
  const { tenants } = await fleet.project();
  const overrides = { tenants: { ...tenants, migrations: fleet.files.path('other'), format: 'sql' } };
  expect(await fleet.migrate({ phase: 'pre', missing: 'create' }, overrides)).toMatchObject({
    tenants: { applied: 1 },
    phase: { waiting: ['0002_drop'] },
  });
  expect(await fleet.applied('o')).toEqual(['0001_one']);
  expect(await fleet.migrate({ phase: 'post' }, overrides)).toMatchObject({ tenants: { applied: 1 } });
  expect(await fleet.applied('o')).toHaveLength(2);
});
