import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';
import { afterEach, describe, expect, it } from 'vitest';

import type { FleetEvent } from '../../src/fleet/types.js';
import { exitCodeOf } from '../../src/run/report.js';
import type { MigrateOptions, MigrateReport } from '../../src/run/types.js';
import { withAdmin } from '../support/admin.js';
import { ensureBuilt } from '../support/build.js';
import { asDatabase, type DebianPostgres, findPostgres, startPostgres } from '../support/debian-postgres.js';
import { createFleet, type FleetDatabase, type TestFleet } from '../support/fleet.js';
import { openProxy, type Proxy } from '../support/proxy.js';

const BIN = findPostgres();
if (BIN === undefined) {
  console.warn('Skipped: failover needs the PostgreSQL of the operating system (initdb, pg_basebackup).');
}

const TENANTS = 40;
const NAMES = Array.from({ length: TENANTS }, (_, index) => `t${index + 1}`);

/** A primary, a standby that follows it by way of a proxy, and an address that leads to one of the two. */
type Cluster = {
  primary: DebianPostgres;
  standby: DebianPostgres;
  replication: Proxy;
  address: Proxy;
  fleet: TestFleet<FleetDatabase>;
  close(): Promise<void>;
};

let cluster: Cluster | undefined;
afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

async function startCluster(): Promise<Cluster> {
  await ensureBuilt();
  // A standby that is swallowed must not be taken for one that is gone.
  const settings = { wal_sender_timeout: '0', wal_receiver_timeout: '0', wal_retrieve_retry_interval: '100ms' };
  const primary = await startPostgres(BIN ?? '', settings);
  const replication = await openProxy(primary);
  const standby = await primary.startStandby(replication.config);
  const address = await openProxy(primary);
  const client = new Client(address.config);
  client.on('error', () => undefined);
  const fleet = await createFleet({
    ...asDatabase({ ...primary, url: address.url }, client),
    query: askAt(address.url),
  });
  const close = async (): Promise<void> => {
    await fleet.remove();
    await Promise.all([address.close(), replication.close()]);
    await Promise.all([primary.stop(), standby.stop()]);
  };
  cluster = { primary, standby, replication, address, fleet, close };
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.database.query(`INSERT INTO tenants (schema_name) SELECT unnest($1::text[])`, [NAMES]);
  await fleet.migrate({ missing: 'create' });
  return cluster;
}

/** Each query on a connection of its own: the address may lead to another server. */
function askAt(url: string): FleetDatabase['query'] {
  return (sql, values) => withAdmin(url, (client) => client.query(sql, values));
}

/** The primary is gone, and the standby takes its place with what it has. */
async function failOver({ primary, standby, address }: Cluster): Promise<void> {
  await primary.crash();
  await withAdmin(standby.url, (client) => client.query('SELECT pg_promote(true, 60)'));
  address.retarget(standby.config);
}

async function migrateAndFailOver(
  found: Cluster,
  at: { hold: number; failOver: number },
  options: Partial<MigrateOptions> = {},
  overrides: Parameters<TestFleet['migrate']>[1] = {},
): Promise<MigrateReport> {
  let done = 0;
  let away: Promise<void> | undefined;
  const report = await found.fleet.migrate(
    {
      ...options,
      onEvent: ({ type }) => {
        if (type !== 'tenant:done') return;
        done += 1;
        if (done === at.hold) found.replication.hold();
        if (done === at.failOver) away ??= failOver(found);
      },
    },
    { canary: 0, concurrency: 2, maxProcesses: 2, ...overrides },
  );
  expect(away).toBeDefined();
  await away;
  return report;
}

describe.skipIf(BIN === undefined)('after a failover to a standby that lags behind', () => {
  it.each(['standard', 'multiprocessing'])(
    'no result stays that the new primary does not have: %s',
    async (executor) => {
      const found = await startCluster();
      const { fleet } = found;
      await fleet.tenantMigration('0002_slow.sql', 'CREATE TABLE slow (id int); SELECT pg_sleep(0.1);');
      // Each tenant that is done when the primary ends was made durable there, but for the last ones.
      const report = await migrateAndFailOver(found, { hold: 8, failOver: 26 }, {}, { executor });
      const lacking: string[] = [];
      for (const name of NAMES) if (!(await fleet.applied(name)).includes('0002_slow')) lacking.push(name);
      expect(lacking).toEqual([]);
      expect(report.warnings).toContainEqual(expect.stringContaining('took back what was done for'));
      expect(report.tenants).toMatchObject({ total: TENANTS, applied: TENANTS, failed: 0, notExecuted: 0 });
      expect(exitCodeOf(report)).toBe(0);
      expect((await fleet.migrate()).tenants).toMatchObject({ upToDate: TENANTS });
    },
    180_000,
  );

  it('tenants that were up to date before are looked at again, and the shared schema is', async () => {
    const found = await startCluster();
    const { fleet } = found;
    await fleet.tenantMigration('0002_slow.sql', 'CREATE TABLE slow (id int); SELECT pg_sleep(0.1);');
    found.replication.hold();
    await fleet.files.write('migrations/shared/0002_plans.sql', 'CREATE TABLE plans (id int);');
    await fleet.migrate({ selection: { kind: 'shared' } });
    const names = NAMES.slice(0, 10);
    expect((await fleet.migrate({ selection: { kind: 'tenants', names } })).tenants).toMatchObject({ applied: 10 });
    const report = await migrateAndFailOver(found, { hold: 0, failOver: 15 });
    expect(report.shared).toMatchObject({ status: 'failed', error: { code: 'DATABASE_ERROR' } });
    expect(exitCodeOf(report)).toBe(1);
    expect(report.tenants).toMatchObject({ total: TENANTS, applied: TENANTS, upToDate: 0 });
    for (const name of NAMES) expect(await fleet.applied(name)).toContain('0002_slow');
    const next = await fleet.migrate();
    expect(next).toMatchObject({ shared: { status: 'applied' }, tenants: { upToDate: TENANTS } });
  }, 180_000);

  it('a rollback that the new primary does not have is not reported as done', async () => {
    const found = await startCluster();
    const { fleet } = found;
    const { rollback } = await import('../../src/run/rollback.js');
    await fleet.tenantMigration(
      '0002_slow.sql',
      '-- Up Migration\nCREATE TABLE slow (id int);\n-- Down Migration\nSELECT pg_sleep(0.1);\nDROP TABLE slow;',
    );
    await fleet.migrate();
    await replicated(found);
    let done = 0;
    let away: Promise<void> | undefined;
    const report = await rollback(await fleet.project({ canary: 0, concurrency: 2 }), {
      selection: { kind: 'tenants' },
      confirmed: true,
      onEvent: ({ type }) => {
        if (type !== 'tenant:done') return;
        done += 1;
        if (done === 5) found.replication.hold();
        if (done === 20) away ??= failOver(found);
      },
    });
    await away;
    const left: string[] = [];
    for (const name of NAMES) if ((await fleet.applied(name)).includes('0002_slow')) left.push(name);
    const failed = report.results.filter(({ status }) => status === 'failed').map(({ tenant }) => tenant);
    expect(left.length).toBeGreaterThan(0);
    expect(failed.toSorted()).toEqual(left.toSorted());
    expect(exitCodeOf(report)).toBe(1);
  }, 180_000);
});

/** Waits until the standby has everything. */
async function replicated({ primary, standby }: Cluster): Promise<void> {
  await withAdmin(primary.url, async (client) => {
    const { rows } = await client.query<{ at: string }>('SELECT pg_current_wal_lsn()::text AS at');
    await expect
      .poll(
        () =>
          withAdmin(standby.url, async (other) => {
            const seen = await other.query('SELECT FROM pg_last_wal_replay_lsn() AS at WHERE at >= $1::pg_lsn', [
              rows[0]?.at,
            ]);
            return seen.rowCount;
          }),
        { timeout: 30_000 },
      )
      .toBe(1);
  });
}

describe.skipIf(BIN === undefined)('a synchronous standby that is paused', () => {
  const PAUSE_MS = 30_000;

  async function startSynchronous(): Promise<Cluster> {
    const found = await startCluster();
    await withAdmin(found.primary.url, async (client) => {
      await client.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
      await client.query('SELECT pg_reload_conf()');
    });
    await expect
      .poll(() =>
        withAdmin(
          found.primary.url,
          async (client) => (await client.query(`SELECT FROM pg_stat_replication WHERE sync_state = 'sync'`)).rowCount,
        ),
      )
      .toBe(1);
    await found.fleet.tenantMigration('0002_slow.sql', 'CREATE TABLE slow (id int); SELECT pg_sleep(0.8);');
    return found;
  }

  it('is waited for, and the run keeps its lock', async () => {
    const found = await startSynchronous();
    const events: FleetEvent[] = [];
    let paused: Promise<void> | undefined;
    const report = await found.fleet.migrate(
      {
        onEvent: (event) => {
          events.push(event);
          if (event.type !== 'tenant:done' || paused !== undefined) return;
          found.replication.hold();
          paused = sleep(PAUSE_MS).then(() => found.replication.release());
        },
      },
      { canary: 0, concurrency: 1, restartWaitMs: 5000 },
    );
    await paused;
    expect(report.tenants).toMatchObject({ applied: TENANTS, failed: 0, notExecuted: 0 });
    expect(exitCodeOf(report)).toBe(0);
    expect(events.filter(({ type }) => type === 'warning')).toEqual([]);
    expect(events).toContainEqual({
      type: 'waiting',
      message: expect.stringContaining('synchronous standby') as string,
    });
  }, 180_000);

  it('does not keep a run from ending at the second signal, which says what is not certain', async () => {
    const found = await startSynchronous();
    const [drain, cancel] = [new AbortController(), new AbortController()];
    let canceledAt = 0;
    let done = 0;
    const report = await found.fleet.migrate(
      {
        drain: drain.signal,
        cancel: cancel.signal,
        onEvent: ({ type }) => {
          if (type !== 'tenant:done') return;
          done += 1;
          if (done === 1) found.replication.hold();
          if (done !== 4) return;
          drain.abort();
          canceledAt = performance.now();
          cancel.abort();
        },
      },
      { canary: 0, concurrency: 1 },
    );
    expect(performance.now() - canceledAt).toBeLessThan(10_000);
    const unknown = report.results.filter((result) => result.status === 'failed' && result.unknownOutcome === true);
    expect(unknown.length).toBeGreaterThan(0);
    expect(unknown[0]).toMatchObject({ error: { code: 'OUTCOME_UNKNOWN' } });
    expect(exitCodeOf(report)).toBe(1);
    found.replication.release();
    expect((await found.fleet.migrate()).tenants).toMatchObject({ failed: 0 });
  }, 180_000);
});
