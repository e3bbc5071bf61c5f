import { runner } from 'node-pg-migrate';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { openClient } from '../../src/db/connect.js';
import { NODE_PG_MIGRATE_LOCK } from '../../src/db/locks.js';
import { announcedPid } from '../../src/db/pg-internals.js';
import type { FleetEvent } from '../../src/fleet/types.js';
import type { Project } from '../../src/project/project.js';
import { exitCodeOf } from '../../src/run/report.js';
import type { MigrateReport } from '../../src/run/types.js';
import { LaneWatch } from '../../src/session/lane-watch.js';
import { ensureBuilt } from '../support/build.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

const database = useDatabase();
let fleet: TestFleet;

beforeAll(() => ensureBuilt(), 120_000);
beforeEach(async () => {
  fleet = await createFleet(database);
  await database.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await fleet.migrate({ selection: { kind: 'shared' } });
  await database.query('DROP SCHEMA IF EXISTS a, b, c CASCADE');
  await fleet.create('a', 'b', 'c');
  // Another session's transaction keeps the build from ending until the waiter is there.
  await fleet.tenantMigration(
    '0002_index.sql',
    '-- tenants: no-transaction\n-- Up Migration\nCREATE INDEX CONCURRENTLY by_name ON projects (name);',
  );
});
afterEach(() => fleet.remove());

/** Starts a run and, while it is at its first tenant, what waits for node-pg-migrate's key inside a snapshot. */
async function beside(
  wait: () => Promise<unknown>,
  overrides: Partial<Project> = {},
): Promise<{ report: MigrateReport; events: FleetEvent[]; waited: Promise<unknown> }> {
  const old = await database.client();
  await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
  const events: FleetEvent[] = [];
  const run = fleet.migrate({ onEvent: (event) => events.push(event) }, { canary: 0, concurrency: 1, ...overrides });
  await expect.poll(() => building(), { timeout: 10_000 }).toBe(true);
  const waited = wait();
  await expect.poll(() => waiters(), { timeout: 10_000 }).toBe(1);
  await old.query('COMMIT');
  return { report: await run, events, waited };
}

async function building(): Promise<boolean> {
  const { rows } = await database.query(
    `SELECT FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase LIKE 'waiting for%'`,
  );
  return rows.length > 0;
}

async function waiters(): Promise<number> {
  const { rows } = await database.query(
    `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  return rows.length;
}

describe('a node-pg-migrate that waits for the lock beside a concurrent index build', () => {
  it.each(['standard', 'multiprocessing', 'worker-threads'])(
    'is let go first, and the run goes on: %s',
    async (executor) => {
      const { report, events, waited } = await beside(
        () =>
          runner({
            databaseUrl: database.url,
            dir: fleet.files.path('migrations/shared'),
            migrationsTable: 'pgmigrations',
            direction: 'up',
            advisoryLockMode: 'wait',
            log: () => {},
          }),
        { executor },
      );
      expect(report.tenants).toMatchObject({ applied: 3, failed: 0, notExecuted: 0 });
      expect(exitCodeOf(report)).toBe(0);
      expect(events).toContainEqual({
        type: 'warning',
        message: expect.stringContaining('yielding to it') as string,
      });
      expect(await waited).toEqual([]);
      expect(await fleet.applied('c')).toEqual(['0001_projects', '0002_index']);
      expect(await waiters()).toBe(0);
    },
  );

  it('ends the run when it keeps the lock; what runs is finished', async () => {
    const other = await database.client();
    const { report } = await beside(() => other.query(`SELECT pg_advisory_lock(${NODE_PG_MIGRATE_LOCK})`), {
      restartWaitMs: 2000,
    });
    // Which of the first two meets the waiter depends on whose snapshot is the older one.
    expect(report.results.at(0)).toMatchObject({ tenant: 'a', status: 'applied' });
    expect(report.results.at(-1)).toEqual({ tenant: 'c', status: 'notExecuted', reason: 'lockLost' });
    expect(report.tenants.failed).toBe(0);
    expect(report.overtaken).toBe(true);
    expect(report.warnings.join(' ')).toContain('its lock is held by process');
    expect(exitCodeOf(report)).toBe(4);
    await other.query('SELECT pg_advisory_unlock_all()');
    const next = await fleet.migrate();
    expect(next.tenants.applied + next.tenants.upToDate).toBe(3);
    expect(next.tenants.applied).toBe(report.tenants.notExecuted);
  }, 60_000);
});

describe('what waits for long', () => {
  async function explanationsDuring(work: (said: readonly string[]) => Promise<void>): Promise<string[]> {
    const { database: config } = await fleet.project();
    const client = await openClient(config, 'migrate');
    const said: string[] = [];
    const watch = new LaneWatch({
      client: () => client,
      lockTimeoutMs: 0,
      onDeadlock: () => {},
      onExplain: (message) => said.push(message),
      lookMs: 50,
      explainMs: 300,
    });
    try {
      await work(said);
    } finally {
      watch.stop();
      await client.end();
    }
    return said;
  }

  it('is explained with whom it waits for', async () => {
    const holder = await database.client();
    await holder.query(`SET application_name = 'psql'; BEGIN; LOCK TABLE a.projects`);
    const pid = String(announcedPid(holder));
    await fleet.tenantMigration('0002_index.sql', 'ALTER TABLE projects ADD COLUMN more int;');
    let run: Promise<MigrateReport> | undefined;
    const said = await explanationsDuring(async (heard) => {
      run = fleet.migrate({}, { canary: 0, lockTimeoutMs: 60_000 });
      await expect.poll(() => heard.length, { timeout: 10_000 }).toBeGreaterThan(1);
      await holder.query('COMMIT');
      await run;
    });
    expect(said.length).toBeGreaterThan(1);
    expect(said[0]).toMatch(new RegExp(`^a has waited [\\d.]+ m?s for process ${pid} \\(psql\\)`));
    expect(said[0]).toMatch(/, idle in transaction since .*: .*LOCK TABLE a\.projects/);
    expect((await run)?.tenants.applied).toBe(3);
  });

  it('in vain is told with whom it waited for, in every schema', async () => {
    const holder = await database.client();
    await holder.query(`SET application_name = 'psql'; BEGIN; LOCK TABLE b.projects`);
    const blocker = {
      pid: announcedPid(holder),
      application: 'psql',
      state: 'idle in transaction',
      statement: expect.stringContaining('LOCK TABLE b.projects') as string,
    };
    await fleet.tenantMigration('0002_index.sql', 'ALTER TABLE projects ADD COLUMN more int;');
    const report = await fleet.migrate({}, { canary: 0, lockTimeoutMs: 1200, retries: 0 });
    expect(report.tenants).toMatchObject({ applied: 2, failed: 1 });
    const failed = report.results.find(({ status }) => status === 'failed');
    expect(failed).toMatchObject({ tenant: 'b', error: { sqlstate: '55P03', blockers: [blocker] } });
    await holder.query('ROLLBACK; BEGIN; LOCK TABLE public.domains');
    await fleet.files.write('migrations/shared/0002_more.sql', 'ALTER TABLE domains ADD COLUMN more int;');
    const { shared } = await fleet.migrate({}, { lockTimeoutMs: 1200, retries: 0 });
    expect(shared.error).toMatchObject({ sqlstate: '55P03', blockers: [{ pid: blocker.pid }] });
    await holder.query('ROLLBACK');
  });

  it('is explained for an index build that waits for old transactions', async () => {
    const old = await database.client();
    await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
    const said = await explanationsDuring(async (heard) => {
      const run = fleet.migrate({}, { canary: 0, concurrency: 1 });
      await expect.poll(() => heard.join(' '), { timeout: 10_000 }).toContain('an index: waiting for');
      await old.query('COMMIT');
      await run;
    });
    expect(said.join('\n')).toMatch(/^a has waited .* \(an index: waiting for .*\) for process /m);
  });

  it('a control connection that breaks during a look explains nothing and throws nothing', async () => {
    let looks = 0;
    const { database: config } = await fleet.project();
    const client = await openClient(config, 'migrate');
    const said: string[] = [];
    const watch = new LaneWatch({
      client: () => {
        looks += 1;
        return client;
      },
      lockTimeoutMs: 0,
      onDeadlock: () => said.push('deadlock'),
      onExplain: (message) => said.push(message),
      lookMs: 20,
    });
    await database.query(`SELECT pg_terminate_backend($1)`, [announcedPid(client)]);
    const broken = looks;
    await expect.poll(() => looks, { timeout: 10_000 }).toBeGreaterThan(broken + 3);
    watch.stop();
    await client.end();
    expect(said).toEqual([]);
  });
});
