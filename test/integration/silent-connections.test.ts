import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { exitCodeOf } from '../../src/run/report.js';
import { ensureBuilt } from '../support/build.js';
import { useFleet } from '../support/fleet.js';
import { openProxy, type Proxy } from '../support/proxy.js';

const NAMES = Array.from({ length: 12 }, (_, index) => `t${index + 1}`);
const fleet = useFleet({ tenants: NAMES });
let proxy: Proxy;
let migrations = 1;

beforeAll(async () => {
  await ensureBuilt();
  proxy = await openProxy(fleet.database);
}, 120_000);
afterAll(() => proxy?.close());
afterEach(() => proxy.release());
beforeEach(async () => {
  await fleet.migrate();
  migrations += 1;
  await fleet.tenantMigration(
    `${String(migrations).padStart(4, '0')}_slow.sql`,
    `CREATE TABLE slow${migrations} (id int); SELECT pg_sleep(0.3);`,
  );
});

/** Sessions of runs in this database. */
async function sessions(): Promise<number> {
  const { rowCount } = await fleet.database.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tenants: %'`,
  );
  return rowCount ?? 0;
}

describe('when the network swallows everything', () => {
  it.each(['standard', 'multiprocessing', 'worker-threads'])(
    'the second signal ends the run within ten seconds, and it says what is not known: %s',
    async (executor) => {
      const [drain, cancel] = [new AbortController(), new AbortController()];
      let done = 0;
      let canceledAt = Number.POSITIVE_INFINITY;
      const report = await fleet.migrate(
        {
          drain: drain.signal,
          cancel: cancel.signal,
          onEvent: ({ type }) => {
            if (type !== 'tenant:done' || (done += 1) !== 3) return;
            proxy.hold();
            void sleep(1500).then(() => {
              canceledAt = performance.now();
              drain.abort();
              cancel.abort();
            });
          },
        },
        { database: proxy.config, executor, canary: 0, concurrency: 2, maxProcesses: 2, chunkSize: 2 },
      );
      expect(performance.now() - canceledAt).toBeLessThan(10_000);
      expect(report.interrupted).toBe(true);
      const unknown = report.results.filter((result) => result.status === 'failed' && result.unknownOutcome === true);
      expect(unknown.length).toBeGreaterThan(0);
      for (const result of unknown) expect(result).toMatchObject({ error: { code: 'OUTCOME_UNKNOWN' } });
      expect(report.tenants.total).toBe(NAMES.length);
      expect(exitCodeOf(report)).toBe(1);
      proxy.release();
      await expect.poll(sessions, { timeout: 20_000 }).toBe(0);
      expect((await fleet.migrate()).tenants).toMatchObject({ failed: 0, notExecuted: 0 });
    },
    90_000,
  );

  it('for fifteen seconds, the run goes on afterwards', async () => {
    let done = 0;
    let released: Promise<void> | undefined;
    const report = await fleet.migrate(
      {
        onEvent: ({ type }) => {
          if (type !== 'tenant:done' || (done += 1) !== 3) return;
          proxy.hold();
          released = sleep(15_000).then(() => proxy.release());
        },
      },
      { database: proxy.config, canary: 0, concurrency: 2 },
    );
    await released;
    expect(report.tenants).toMatchObject({ applied: NAMES.length, failed: 0, notExecuted: 0 });
  }, 90_000);
});

it('a lane that is swallowed for good has a limit of silence, and its tenant is tried again', async () => {
  let swallowed: number | undefined;
  let done = 0;
  const report = await fleet.migrate(
    {
      onEvent: ({ type }) => {
        if (type !== 'tenant:done' || (done += 1) !== 3) return;
        proxy.hold((application, number) => {
          if (!application.startsWith('tenants: lane')) return false;
          swallowed ??= number;
          return number === swallowed;
        });
      },
    },
    { database: proxy.config, canary: 0, concurrency: 2 },
  );
  proxy.release();
  expect(swallowed).toBeDefined();
  expect(report.tenants).toMatchObject({ applied: NAMES.length, failed: 0, notExecuted: 0 });
  expect((await fleet.migrate()).tenants).toMatchObject({ upToDate: NAMES.length });
}, 90_000);

it('a statement that takes long is not taken for a connection that is lost', async () => {
  const file = `${String(migrations).padStart(4, '0')}_slow.sql`;
  const slow = (seconds: number): string => `CREATE TABLE slow${migrations} (id int); SELECT pg_sleep(${seconds});`;
  await fleet.tenantMigration(file, slow(20));
  const report = await fleet.migrate({ selection: { kind: 'tenants', names: ['t1'] } }, { database: proxy.config });
  await fleet.tenantMigration(file, slow(0));
  expect(report.results).toMatchObject([{ tenant: 't1', status: 'applied' }]);
  expect(report.results[0]).not.toHaveProperty('attempts');
}, 90_000);

describe('a survey that waits for a locked table without limit', () => {
  it.each([
    ['on the control connection', 0],
    ['on a connection of its own', 450],
  ])(
    'ends at the second signal: %s',
    async (_where, more) => {
      await fleet.database.query(
        `INSERT INTO tenants (schema_name) SELECT 'many' || n FROM generate_series(1, ${more}) AS n`,
      );
      await fleet.database.query(
        `DO $$ BEGIN FOR n IN 1..${more} LOOP
           EXECUTE format('CREATE SCHEMA many%s', n);
           EXECUTE format('CREATE TABLE many%s.pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)', n);
         END LOOP; END $$`,
      );
      const other = await fleet.database.client();
      await other.query('BEGIN');
      const table = more === 0 ? 't3' : 'many300';
      await other.query(`LOCK TABLE ${table}.pgmigrations IN ACCESS EXCLUSIVE MODE`);
      const [drain, cancel] = [new AbortController(), new AbortController()];
      const running = fleet.migrate(
        { drain: drain.signal, cancel: cancel.signal },
        { lockTimeoutMs: 0, concurrency: 4 },
      );
      const failed = running.then(
        () => undefined,
        (error: unknown) => error,
      );
      await expect
        .poll(
          async () =>
            (
              await fleet.database.query(
                `SELECT FROM pg_locks WHERE NOT granted AND relation = '${table}.pgmigrations'::regclass`,
              )
            ).rowCount,
          { timeout: 20_000 },
        )
        .toBe(1);
      drain.abort();
      const since = performance.now();
      cancel.abort();
      expect(await failed).toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
      expect(performance.now() - since).toBeLessThan(10_000);
      await expect.poll(sessions, { timeout: 10_000 }).toBe(0);
      await other.query('ROLLBACK');
      await fleet.database.query(`DELETE FROM tenants WHERE schema_name LIKE 'many%'`);
    },
    90_000,
  );
});
