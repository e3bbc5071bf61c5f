import { describe, expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import { listRuns, readRun } from '../../src/journal/read/runs.js';
import type { RecordedResult, RecordedRun } from '../../src/journal/types.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import { useFleet } from '../support/fleet.js';
import { callCli } from '../support/run-cli.js';

describe('the record of a change of one tenant', () => {
  const fleet = useFleet({ tenants: ['t1'] });
  const last = async (): Promise<RecordedRun | undefined> =>
    (await listRuns(await fleet.project(), { limit: 1 })).runs[0];
  const lastResult = async (): Promise<RecordedResult | undefined> =>
    (await readRun(await fleet.project(), (await last())?.id ?? 0)).results[0];

  it('has the creation, with its migrations and their checksums', async () => {
    expect(await last()).toMatchObject({ command: 'create-tenant', exitCode: 0, counts: { total: 1, created: 1 } });
    expect(await lastResult()).toMatchObject({ tenant: 't1', status: 'created', migrations: ['0001_projects'] });
    const { rows } = await fleet.database.query(
      `SELECT schema, migration, tenant, first_applied_at IS NOT NULL AS known FROM tenants_journal.checksums ORDER BY 1`,
    );
    expect(rows).toEqual([
      { schema: 'shared', migration: '0001_registry', tenant: null, known: true },
      { schema: 'tenant', migration: '0001_projects', tenant: 't1', known: true },
    ]);
    expect((await fleet.migrate()).warnings).toEqual([]);
  });

  it('has the command line, without values that may be secret', async () => {
    await fleet.database.query('ALTER TABLE tenants ADD COLUMN plan text');
    const { url } = fleet.database;
    const args = ['create-tenant', 'secret', '--set', "plan=it's hidden", '--database', url, '--label', 'The label'];
    const said = await callCli(args, { cwd: fleet.files.root });
    expect(said.code).toBe(0);
    expect(said.stderr + said.stdout).not.toMatch(/journal/);
    const run = await last();
    expect(run?.commandLine).toBe(`tenants create-tenant secret --set 'plan=***' --database '***' --label 'The label'`);
    expect(JSON.stringify(run)).not.toContain('hidden');
  });

  it('has a rename under the new name, and a deletion', async () => {
    await renameTenant(await fleet.project(), { from: 't1', to: 'renamed' });
    expect(await last()).toMatchObject({ command: 'rename-tenant', exitCode: 0 });
    expect(await lastResult()).toMatchObject({ tenant: 'renamed', status: 'renamed' });
    await deleteTenant(await fleet.project(), { schema: 'renamed', keepSchema: true });
    expect(await lastResult()).toMatchObject({ tenant: 'renamed', status: 'unregistered' });
    await fleet.database.query('DROP SCHEMA renamed CASCADE');
  });

  it('has one that failed with its error, and none that was refused', async () => {
    const before = await last();
    await expect(createTenant(await fleet.project(), { schema: 'secret' })).rejects.toMatchObject({ exitCode: 2 });
    const taken = renameTenant(await fleet.project(), { from: 'secret', to: 'public' });
    await expect(taken).rejects.toMatchObject({ exitCode: 2 });
    expect((await last())?.id).toBe(before?.id);
    await fleet.tenantMigration('0002_bad.sql', 'SELECT 1 / 0;');
    await expect(createTenant(await fleet.project(), { schema: 'fails' })).rejects.toMatchObject({ exitCode: 1 });
    expect(await last()).toMatchObject({ command: 'create-tenant', exitCode: 1, counts: { failed: 1 } });
    expect(await lastResult()).toMatchObject({ tenant: 'fails', status: 'failed', error: { sqlstate: '22012' } });
    await fleet.tenantMigration('0002_bad.sql', 'SELECT 1;');
    expect((await fleet.migrate()).warnings).toEqual([]);
  });

  it('has doctor --fix with its counts, and doctor never takes the journal for a tenant', async () => {
    const report = await doctor(await fleet.project(), { fix: true });
    expect(await last()).toMatchObject({ command: 'doctor --fix', counts: { fixed: 0 } });
    const shown = report.checks.filter(({ name }) => ['unregistered-schemas', 'lookalike-names'].includes(name));
    expect(shown.map(({ ok }) => ok)).toEqual([true, true]);
  });
});

describe('a command that was killed', () => {
  const fleet = useFleet({ tenants: ['t1'] });

  it.each([
    ['create-tenant', 't1', 'created'],
    ['create-tenant', 'never', 'failed'],
    ['delete-tenant', 'gone', 'deleted'],
    ['delete-tenant', 't1', 'failed'],
    ['rename-tenant', 't1', 'renamed'],
  ])('%s of %s is completed by the next migrate: %s', async (command, tenant, status) => {
    const { rows } = await fleet.database.query(
      `INSERT INTO tenants_journal.runs (command, backend_pid, backend_start) VALUES ('${command}', 1, now()) RETURNING id::int AS id`,
    );
    const id = Number(rows[0]?.['id']);
    await fleet.database.query(
      `INSERT INTO tenants_journal.results (run, tenant, status, started_at) VALUES (${id}, '${tenant}', 'running', now())`,
    );
    await fleet.migrate();
    const { run, results } = await readRun(await fleet.project(), id);
    expect(run).toMatchObject({ state: 'interrupted', exitCode: null, finishedAt: expect.any(String) as string });
    expect(results).toMatchObject([{ tenant, status, completed: true }]);
  });

  it('that goes on is left alone', async () => {
    const { rows } = await fleet.database.query(
      `INSERT INTO tenants_journal.runs (command, backend_pid, backend_start)
       SELECT 'create-tenant', pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid() RETURNING id::int AS id`,
    );
    await fleet.database.query(`SET application_name = 'tenants: create-tenant x'`);
    await fleet.migrate();
    const { run } = await readRun(await fleet.project(), Number(rows[0]?.['id']));
    expect(run).toMatchObject({ state: 'running', finishedAt: null });
  });
});
