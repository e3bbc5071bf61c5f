import { describe, expect, it } from 'vitest';

import { isTenantsError } from '../../src/errors/tenants-error.js';
import { status } from '../../src/fleet/status.js';
import { listRuns, readRun } from '../../src/journal/read/runs.js';
import { rollback } from '../../src/run/rollback.js';
import { createTestDatabase } from '../support/database.js';
import { createFleet, useFleet } from '../support/fleet.js';

const CHECK = `-- Up Migration
ALTER TABLE projects ADD CHECK (name <> 'bad');
-- Down Migration
ALTER TABLE projects DROP CONSTRAINT projects_name_check;
`;

describe('the record of a run', () => {
  const fleet = useFleet({ tenants: ['t1', 't2', 't3'] });
  const invocation = { commandLine: 'tenants migrate', signalExitCode: () => undefined };

  it('has who ran what and when, the counts, and each tenant that was not up to date', async () => {
    await fleet.tenantMigration('0002_check.sql', CHECK);
    await fleet.database.query(`INSERT INTO t2.projects (name) VALUES ('bad')`);
    const report = await fleet.migrate({ invocation });
    expect(report.warnings).toEqual([]);
    const { run, results } = await readRun(await fleet.project(), report.run ?? 0);
    expect(run).toMatchObject({
      command: 'migrate',
      commandLine: 'tenants migrate',
      exitCode: 1,
      state: 'finished',
      counts: report.tenants,
      wholeFleet: true,
      version: expect.stringMatching(/^\d/) as string,
      user: expect.any(String) as string,
      host: expect.any(String) as string,
      shared: { status: 'upToDate' },
      error: null,
    });
    expect(Date.parse(run.finishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(run.startedAt));
    const failed = report.results.find(({ tenant }) => tenant === 't2');
    expect(results).toEqual([
      { ...timed, tenant: 't1', status: 'applied', migrations: ['0002_check'] },
      { ...timed, ...failed },
      { ...timed, tenant: 't3', status: 'applied', migrations: ['0002_check'] },
    ]);
    expect(results[1]?.error).toMatchObject({
      sqlstate: '23514',
      line: 2,
      statement: expect.stringContaining('CHECK') as string,
    });
    const some = await readRun(await fleet.project(), run.id, { failed: true });
    expect(some.results.map(({ tenant }) => tenant)).toEqual(['t2']);
    expect((await readRun(await fleet.project(), run.id, { tenants: ['t3'] })).results).toHaveLength(1);
  });

  it('is what status says of it', async () => {
    const { runs } = await status(await fleet.project());
    expect(runs).toMatchObject({
      running: null,
      lastRun: { exitCode: 1, left: [{ status: 'failed', code: '23514', count: 1 }] },
    });
  });

  it('of a rollback has what was undone', async () => {
    const report = await rollback(await fleet.project(), { selection: { kind: 'tenants', names: ['t1'] } });
    const { run, results } = await readRun(await fleet.project(), report.run ?? 0);
    expect(run).toMatchObject({ command: 'rollback', exitCode: 0, wholeFleet: false, counts: { rolledBack: 1 } });
    expect(results).toMatchObject([{ tenant: 't1', status: 'rolledBack', migrations: ['0002_check'] }]);
  });

  it('only counts tenants that were up to date', async () => {
    await fleet.database.query('DELETE FROM t2.projects');
    await fleet.migrate();
    const report = await fleet.migrate();
    const { run, results } = await readRun(await fleet.project(), report.run ?? 0);
    expect(results).toEqual([]);
    expect(run.counts).toMatchObject({ total: 3, upToDate: 3, applied: 0 });
  });

  it('is not begun by a run that is refused', async () => {
    const before = await listRuns(await fleet.project());
    await fleet.tenantMigration('0003_bad.sql', 'COMMIT;');
    const error: unknown = await fleet.migrate().catch((caught: unknown) => caught);
    expect(isTenantsError(error) && error.code).toBe('MIGRATION_REFUSED');
    expect(await listRuns(await fleet.project())).toEqual(before);
    await fleet.tenantMigration('0003_bad.sql', 'SELECT 1;');
  });

  it('is listed newest first, and forgotten when it is old', async () => {
    const { runs } = await listRuns(await fleet.project(), { limit: 2 });
    const [first, second] = runs.map(({ id }) => id);
    expect(first).toBeGreaterThan(second ?? Infinity);
    await fleet.database.query(
      `UPDATE tenants_journal.runs SET finished_at = now() - interval '100 days' WHERE id < ${second}`,
    );
    const day = 24 * 3600 * 1000;
    const left = await listRuns(await fleet.project(), { pruneMs: 90 * day });
    expect(left.pruned).toBeGreaterThan(0);
    expect(left.runs.map(({ id }) => id)).toEqual([first, second]);
    const { rows } = await fleet.database.query('SELECT DISTINCT run::int AS run FROM tenants_journal.results');
    expect(rows.every(({ run }) => Number(run) >= (second ?? 0))).toBe(true);
    await expect(readRun(await fleet.project(), 1)).rejects.toMatchObject({ code: 'UNKNOWN_RUN', exitCode: 2 });
  });
});

const timed = { startedAt: expect.any(String) as string, durationMs: expect.any(Number) as number };

it('a run that goes on is seen by status, with how far it is', async () => {
  const names = Array.from({ length: 6 }, (_, index) => `t${index}`);
  const database = await createTestDatabase();
  const fleet = await createFleet(database);
  try {
    await fleet.migrate({ selection: { kind: 'shared' } });
    await fleet.create(...names);
    await fleet.tenantMigration('0002_slow.sql', 'SELECT pg_sleep(0.6);');
    const running = fleet.migrate({}, { concurrency: 1 });
    const project = await fleet.project();
    const applied = async (): Promise<number> => (await status(project)).runs?.running?.counts['applied'] ?? 0;
    await expect.poll(applied, { timeout: 30_000, interval: 50 }).toBeGreaterThan(0);
    const { runs } = await status(project);
    expect(runs?.running).toMatchObject({
      command: 'migrate',
      state: 'running',
      finishedAt: null,
      counts: { total: 6 },
    });
    expect((await running).tenants.applied).toBe(6);
    expect((await status(project)).runs?.running).toBeNull();
  } finally {
    await fleet.remove();
    await database.drop();
  }
});
