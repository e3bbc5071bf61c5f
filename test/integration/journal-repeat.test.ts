import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import { rollback } from '../../src/run/rollback.js';
import type { MigrateReport, RollbackOptions, RollbackReport } from '../../src/run/types.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { callCli, type CliOutcome } from '../support/run-cli.js';

const CHECK = `-- Up Migration
ALTER TABLE projects ADD CHECK (name <> 'bad');
-- Down Migration
ALTER TABLE projects DROP CONSTRAINT projects_name_check;
`;
const LATER = '-- Up Migration\nCREATE TABLE later (id int);\n-- Down Migration\nDROP TABLE later;\n';

const database = useDatabase();
let fleet: TestFleet;
let first: MigrateReport;
beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create('t1', 't2', 't3', 't4', 't5');
  await fleet.tenantMigration('0002_check.sql', CHECK);
  for (const name of ['t2', 't4']) await database.query(`INSERT INTO ${name}.projects (name) VALUES ('bad')`);
  first = await fleet.migrate();
});
afterAll(() => fleet.remove());

const tenants = (...args: string[]): Promise<CliOutcome> =>
  callCli(args, { cwd: fleet.files.root, env: { DATABASE_URL: database.url } });

const undo = async (options: Partial<RollbackOptions> & { run: number }): Promise<RollbackReport> =>
  await rollback(await fleet.project(), { selection: { kind: 'tenants' }, ...options });

const statuses = ({ results }: Pick<MigrateReport, 'results'>): string[] =>
  results.map(({ tenant, status }) => `${tenant} ${status}`).sort();

describe('migrate --failed', () => {
  it('takes the tenants that failed in the last migrate, and no other', async () => {
    expect(statuses(first)).toEqual(['t1 applied', 't2 failed', 't3 applied', 't4 failed', 't5 applied']);
    await database.query('DELETE FROM t2.projects');
    await fleet.create('behind');
    await database.query(
      `DELETE FROM behind.pgmigrations WHERE name = '0002_check'; ALTER TABLE behind.projects DROP CONSTRAINT projects_name_check`,
    );
    const { code, stdout } = await tenants('migrate', '--failed');
    expect(code).toBe(1);
    expect(stdout).toMatch(/1 migrated, 1 failed \(of 2\)/);
    expect(stdout).toMatch(/Continue with: tenants migrate --failed$/m);
    expect(await fleet.applied('behind')).toEqual(['0001_projects']);
    await fleet.migrate({ selection: { kind: 'tenants', names: ['behind'] } });
  });

  it('takes those of another run, and among them the selected ones', async () => {
    const report = await fleet.migrate({ failedOf: first.run ?? 0, selection: { kind: 'tenants', exclude: ['t2'] } });
    expect(statuses(report)).toEqual(['t4 failed']);
    const one = await fleet.migrate({ failedOf: first.run ?? 0, selection: { kind: 'tenants', names: ['t2'] } });
    expect(one.tenants).toMatchObject({ total: 1, upToDate: 1 });
  });

  it('says which of them are no longer there', async () => {
    await createTenant(await fleet.project(), { schema: 'gone' });
    await database.query(
      `DELETE FROM gone.pgmigrations WHERE name = '0002_check'; ALTER TABLE gone.projects DROP CONSTRAINT projects_name_check; INSERT INTO gone.projects (name) VALUES ('bad')`,
    );
    await fleet.migrate({ selection: { kind: 'tenants', names: ['gone', 't4'] } });
    await deleteTenant(await fleet.project(), { schema: 'gone' });
    const report = await fleet.migrate({ failedOf: 'latest' });
    expect(report.warnings.join()).toMatch(/1 tenant of run \d+ is no longer registered: gone/);
    await database.query('DELETE FROM t4.projects');
    expect(statuses(await fleet.migrate({ failedOf: 'latest' }))).toEqual(['t4 applied']);
  });

  it.each([
    ['when nothing failed', ['--failed'], /No tenant failed in run \d+/],
    ['for a run that is not there', ['--failed', '--run', '999'], /no run 999/],
    ['for what is no number', ['--failed', '--run', 'last'], /named by its number/],
    ['without --failed', ['--run', '1'], /--failed, which is missing/],
    ['together with --shared', ['--failed', '--shared'], /cannot be combined with --shared/],
    ['when a name is none of them', ['--failed', '--run', '$first', '--tenant', 't1'], /None of the selected tenants/],
  ])('is refused with exit code 2 %s', async (_when, args, message) => {
    const given = args.map((word) => word.replace('$first', String(first.run)));
    const { code, stdout, stderr } = await tenants('migrate', ...given);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, '']);
  });
});

describe('rollback --run', () => {
  it('needs a confirmation for a run of the whole fleet', async () => {
    const { code, stderr } = await tenants('rollback', '--run', String(first.run));
    expect(code).toBe(2);
    expect(stderr).toMatch(/not confirmed[^]*--confirm all/);
    expect(await fleet.applied('t1')).toEqual(['0001_projects', '0002_check']);
  });

  it('undoes what the run applied, tenant by tenant; one with something newer fails', async () => {
    await fleet.tenantMigration('0003_later.sql', LATER);
    const later = await fleet.migrate({ selection: { kind: 'tenants', names: ['t3'] } });
    await renameTenant(await fleet.project(), { from: 't5', to: 'renamed' });
    const report = await undo({ run: first.run ?? 0, confirmed: true });
    expect(statuses(report)).toEqual(['renamed rolledBack', 't1 rolledBack', 't3 failed']);
    expect(report.results.find(({ tenant }) => tenant === 't3')).toMatchObject({
      error: { code: 'NEWER_MIGRATIONS', message: expect.stringContaining('0003_later') as string },
    });
    expect(await fleet.applied('t1')).toEqual(['0001_projects']);
    for (const other of ['t2', 't4']) expect(await fleet.applied(other)).toContain('0002_check');

    expect(statuses(await undo({ run: later.run ?? 0 }))).toEqual(['t3 rolledBack']);
    const again = await undo({ run: first.run ?? 0, confirmed: true });
    expect(statuses(again)).toEqual(['t3 rolledBack']);
    expect(again.tenants).toMatchObject({ upToDate: 2 });
  });

  it('leaves a tenant alone whose schema was made again', async () => {
    const run = (await fleet.migrate({ selection: { kind: 'tenants', names: ['t1', 't2'] } })).run ?? 0;
    await deleteTenant(await fleet.project(), { schema: 't1' });
    await createTenant(await fleet.project(), { schema: 't1' });
    const report = await undo({ run, selection: { kind: 'tenants', names: ['t1'] } });
    expect(report.results).toMatchObject([{ tenant: 't1', status: 'failed', error: { code: 'TENANT_MOVED' } }]);
    expect(await fleet.applied('t1')).toContain('0003_later');
  });

  it('undoes the shared part by itself', async () => {
    await fleet.files.write('migrations/shared/0002_plans.sql', LATER.replaceAll('later', 'plans'));
    const { run } = await fleet.migrate();
    const report = await undo({ run: run ?? 0, selection: { kind: 'shared' } });
    expect(report.shared).toMatchObject({ status: 'rolledBack', migrations: ['0002_plans'] });
    expect(await fleet.applied('public')).toEqual(['0001_registry']);
  });

  it('is refused for a run that is no migrate, and with a target', async () => {
    const { run } = await undo({ run: first.run ?? 0, confirmed: true });
    await expect(undo({ run: run ?? 0 })).rejects.toMatchObject({ code: 'USAGE', exitCode: 2 });
    await expect(undo({ run: 1, target: { count: 1 } })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(undo({ run: 999 })).rejects.toMatchObject({ code: 'UNKNOWN_RUN' });
    expect((await tenants('rollback', '--run', '1', '--to', '0001_projects', '--tenants-only')).code).toBe(2);
  });
});
