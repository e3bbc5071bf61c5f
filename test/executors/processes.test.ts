import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { beforeAll, describe, expect, it, vi } from 'vitest';

import { ensureBuilt } from '../support/build.js';
import type { TestFleet } from '../support/fleet.js';
import { runCli, spawnCli } from '../support/run-cli.js';
import { actsIn, isRunning, names, until, withFleet, workersOf } from './fleets.js';

// Workers start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });

const WORKERS = ['multiprocessing', 'worker-threads'];

beforeAll(() => ensureBuilt(), 120_000);

const migrateArgs = (executor: string, ...more: string[]): string[] => [
  'migrate',
  `--executor=${executor}`,
  '--canary=0',
  ...more,
];
const settings = (fleet: TestFleet) => ({ cwd: fleet.files.root, env: { DATABASE_URL: fleet.database.url } });

/** Starts a migration and waits until its workers are at it. */
async function startWorkers(fleet: TestFleet, ...more: string[]) {
  const running = spawnCli(migrateArgs('multiprocessing', ...more), settings(fleet));
  const parent = running.child.pid ?? 0;
  const isBusy = async (): Promise<boolean> => {
    const { rows } = await fleet.database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tenants: migrate t%'`,
    );
    return (rows[0]?.count ?? 0) >= 2;
  };
  await until('busy', isBusy, 15_000);
  return { running, parent, workers: await workersOf(parent) };
}

const SLOW = 'CREATE TABLE made (id int);\nSELECT pg_sleep(1);';

it.each([
  ['run SQL', '0002_made.sql', 'CREATE TABLE made (id int);\nSELECT pg_sleep(30);'],
  ['hang in JavaScript', '0002_made.js', actsIn('t01', 'while (true) {}').replace("=== 't01'", '> ""')],
])('no worker outlives its killed parent by two seconds while they %s', async (_what, file, text) => {
  await withFleet(names(6), async (fleet) => {
    await fleet.tenantMigration(file, text);
    const { running, workers } = await startWorkers(fleet);
    expect(workers).toHaveLength(2);
    await sleep(300);
    running.child.kill('SIGKILL');
    await running.outcome;
    await until('ended', async () => !(await Promise.all(workers.map((pid) => isRunning(pid)))).includes(true), 2000);
    // The server has noticed, too: its backends let go of the tenants.
    const { rows } = await fleet.database.query(`SELECT name FROM t01.pgmigrations`);
    expect(rows).toHaveLength(1);
  });
});

it('after its parent was killed the run can be repeated and finishes', async () => {
  await withFleet(names(6), async (fleet) => {
    await fleet.tenantMigration('0002_made.sql', SLOW);
    const { running } = await startWorkers(fleet);
    running.child.kill('SIGKILL');
    await running.outcome;
    const second = await runCli(
      [...migrateArgs('multiprocessing', '--json'), '--lock-wait=20s', '--lock-timeout=20s'],
      settings(fleet),
    );
    expect(second.code, second.stderr).toBe(0);
    for (const tenant of names(6)) expect(await fleet.applied(tenant)).toEqual(['0001_projects', '0002_made']);
  });
});

it("signals that reach the whole group leave it to the parent: it drains and exits with the signal's code", async () => {
  await withFleet(names(12), async (fleet) => {
    await fleet.tenantMigration('0002_made.sql', SLOW);
    const { running, workers } = await startWorkers(fleet, '--json');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) for (const pid of workers) process.kill(pid, signal);
    running.child.kill('SIGINT');
    const outcome = await running.outcome;
    expect(outcome.code).toBe(130);
    const { tenants, results } = outcome.json<{
      tenants: Record<string, number>;
      results: { status: string; reason?: string }[];
    }>();
    expect(tenants['failed']).toBe(0);
    expect(tenants['applied']).toBeGreaterThanOrEqual(2);
    expect(tenants['notExecuted']).toBeGreaterThanOrEqual(4);
    expect(new Set(results.filter(({ status }) => status === 'notExecuted').map(({ reason }) => reason))).toEqual(
      new Set(['interrupted']),
    );
    expect(await Promise.all(workers.map((pid) => isRunning(pid)))).toEqual([false, false]);
  });
});

it('no secret stands in the argv or the environment of a worker', async () => {
  await withFleet(names(6), async (fleet) => {
    await fleet.tenantMigration('0002_made.sql', SLOW);
    const { password } = fleet.database.config;
    await fleet.files.write('tenants.config.json', JSON.stringify({ database: fleet.database.url }));
    const running = spawnCli(migrateArgs('multiprocessing'), { cwd: fleet.files.root });
    let workers: number[] = [];
    await until('started', async () => (workers = await workersOf(running.child.pid ?? 0)).length === 2, 15_000);
    for (const pid of workers) {
      for (const place of ['cmdline', 'environ']) {
        const text = await readFile(`/proc/${pid}/${place}`, 'utf8');
        expect(text.length).toBeGreaterThan(0);
        expect(text).not.toContain(fleet.database.url);
        expect(text).not.toContain(`:${String(password)}@`);
      }
    }
    expect((await running.outcome).code).toBe(0);
  });
});

describe.each(WORKERS)('%s', (executor) => {
  it('what a migration prints goes to stderr and leaves the document on stdout alone', async () => {
    await withFleet(names(6), async (fleet) => {
      const print = `console.log('printed in ' + rows[0].schema); process.stdout.write('{"half":'); console.error('complained')`;
      await fleet.tenantMigration('0002_made.js', actsIn('', print).replace("=== ''", '> ""'));
      const outcome = await runCli(migrateArgs(executor, '--json'), settings(fleet));
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(outcome.json<{ tenants: object }>().tenants).toMatchObject({ applied: 6 });
    });
  });

  it('without a terminal the lines of workers are seen', async () => {
    await withFleet(names(6), async (fleet) => {
      await fleet.tenantMigration('0002_made.js', actsIn('t03', `console.log('printed in ' + rows[0].schema)`));
      const outcome = await runCli(migrateArgs(executor), settings(fleet));
      expect(outcome.stderr).toContain('printed in t03');
      expect(outcome.stdout).not.toContain('printed in t03');
    });
  });
});
