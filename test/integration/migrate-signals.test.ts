import { runner } from 'node-pg-migrate';
import { describe, expect, it, vi } from 'vitest';

import { exitCodeOf } from '../../src/run/report.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({ each: true, tenants: ['t1', 't2', 't3', 't4', 't5'] });
const { database } = fleet;

const ONE_LANE = { canary: 0, concurrency: 1 };

/** Resolves once some backend of this database runs `pg_sleep`. */
async function somebodySleeps(): Promise<void> {
  await expect
    .poll(
      async () =>
        (
          await database.query(
            `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
          )
        ).rowCount,
      { interval: 20, timeout: 10_000 },
    )
    .toBeGreaterThan(0);
}

describe('signals', () => {
  it('the first one lets what runs finish and hands out nothing more', async () => {
    await fleet.tenantMigration('0002_slow.sql', 'SELECT pg_sleep(0.5); CREATE TABLE two (id int);');
    const drain = new AbortController();
    const running = fleet.migrate({ drain: drain.signal }, ONE_LANE);
    await somebodySleeps();
    drain.abort();
    const report = await running;
    expect(report.interrupted).toBe(true);
    expect(report.tenants).toMatchObject({ applied: 1, notExecuted: 4, failed: 0 });
    expect(report.results.filter(({ status }) => status === 'notExecuted')).toMatchObject(
      Array.from({ length: 4 }, () => ({ reason: 'interrupted' })),
    );
    expect(exitCodeOf(report)).toBe(1);
    expect(await fleet.tables('t1')).toContain('two');
    expect(await fleet.tables('t2')).not.toContain('two');
  });

  it('the second one cancels what runs, which is rolled back', async () => {
    await fleet.tenantMigration('0002_slow.sql', 'CREATE TABLE two (id int); SELECT pg_sleep(60);');
    const [drain, cancel] = [new AbortController(), new AbortController()];
    const running = fleet.migrate({ drain: drain.signal, cancel: cancel.signal }, { canary: 0, concurrency: 2 });
    await somebodySleeps();
    drain.abort();
    cancel.abort();
    const report = await running;
    expect(report.durationMs).toBeLessThan(20_000);
    expect(new Set(report.results.map((result) => JSON.stringify(result)))).toEqual(
      new Set(
        ['t1', 't2', 't3', 't4', 't5'].map((tenant) =>
          JSON.stringify({ tenant, status: 'notExecuted', reason: 'interrupted' }),
        ),
      ),
    );
    expect(await fleet.tables('t1')).toEqual(['pgmigrations', 'projects']);
    const { rows } = await database.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
    );
    expect(rows).toEqual([]);
  });

  it('the second one also reaches a migration that is built while it runs', async () => {
    await fleet.tenantMigration(
      '0002_direct.js',
      `exports.up = async (pgm) => { for (let i = 0; i < 400; i += 1) { await pgm.db.query('SELECT 1'); await new Promise((r) => setTimeout(r, 50)); await pgm.db.query('SELECT pg_sleep(0.05)'); } };`,
    );
    const cancel = new AbortController();
    const running = fleet.migrate({ cancel: cancel.signal }, ONE_LANE);
    await somebodySleeps();
    cancel.abort();
    const report = await running;
    expect(report.durationMs).toBeLessThan(15_000);
    expect(report.tenants).toMatchObject({ applied: 0, notExecuted: 5 });
  });

  it('one that came before the run began changes nothing at all', async () => {
    await fleet.files.write('migrations/shared/0002_plans.sql', 'CREATE TABLE plans (id int);');
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    for (const signals of [{ drain: AbortSignal.abort() }, { cancel: AbortSignal.abort() }]) {
      const report = await fleet.migrate(signals);
      expect(report).toMatchObject({ interrupted: true, shared: { status: 'skipped' }, tenants: { notExecuted: 5 } });
    }
    expect(await fleet.tables('public')).not.toContain('plans');
    expect(await fleet.tables('t1')).not.toContain('two');
  });

  it('a canceled shared migration is rolled back and no tenant is touched', async () => {
    await fleet.files.write('migrations/shared/0002_slow.sql', 'CREATE TABLE plans (id int); SELECT pg_sleep(60);');
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    const cancel = new AbortController();
    const running = fleet.migrate({ cancel: cancel.signal });
    await somebodySleeps();
    cancel.abort();
    const report = await running;
    expect(report.shared).toMatchObject({ status: 'failed', migrations: [], error: { code: 'INTERRUPTED' } });
    expect(report.tenants).toMatchObject({ notExecuted: 5 });
    expect(await fleet.tables('public')).not.toContain('plans');
  });

  it('leave no listener behind on signals that outlive the run', async () => {
    const signal = new AbortController().signal;
    let listening = 0;
    const added = vi.spyOn(signal, 'addEventListener').mockImplementation((_type, _listener, options) => {
      listening += 1;
      const until = typeof options === 'object' ? options.signal : undefined;
      until?.addEventListener('abort', () => void (listening -= 1));
    });
    await fleet.migrate({ drain: signal });
    expect(added).toHaveBeenCalled();
    expect(listening).toBe(0);
  });
});

describe('two at once', () => {
  const slow = (): Promise<void> =>
    fleet.tenantMigration('0002_slow.sql', 'SELECT pg_sleep(1.5); CREATE TABLE two (id int);');

  it('a second run is refused with the first as the holder, and waits for it if asked to', async () => {
    await slow();
    const first = fleet.migrate({}, { canary: 0, concurrency: 5 });
    await somebodySleeps();
    await expect(fleet.migrate()).rejects.toMatchObject({
      code: 'LOCKED',
      exitCode: 4,
      message: expect.stringMatching(/process \d+ \(tenants: migrate\)/) as string,
    });
    const waiting: string[] = [];
    const second = await fleet.migrate(
      { onEvent: (event) => void (event.type === 'waiting' && waiting.push(event.message)) },
      { lockWaitMs: 20_000 },
    );
    expect((await first).tenants).toMatchObject({ applied: 5 });
    expect(second.tenants).toMatchObject({ applied: 0, upToDate: 5 });
    expect(waiting).toHaveLength(1);
  });

  it('the lock is free as soon as a run has ended', async () => {
    for (let time = 0; time < 5; time += 1) await fleet.migrate();
  });

  it('a node-pg-migrate started by hand is kept out while a run is at work', async () => {
    await slow();
    const running = fleet.migrate({}, { canary: 0, concurrency: 5 });
    await somebodySleeps();
    const byHand = (): Promise<unknown> =>
      runner({
        databaseUrl: database.url,
        dir: fleet.files.path('migrations', 'tenant'),
        direction: 'up',
        migrationsTable: 'pgmigrations',
        schema: 't1',
        log: () => undefined,
      });
    await expect(byHand()).rejects.toThrow(/[Aa]nother migration/);
    expect((await running).tenants).toMatchObject({ applied: 5, failed: 0 });
    expect(await byHand()).toEqual([]);
  });

  it('and keeps us out while it is at work itself', async () => {
    await slow();
    const byHand = runner({
      databaseUrl: database.url,
      dir: fleet.files.path('migrations', 'tenant'),
      direction: 'up',
      migrationsTable: 'pgmigrations',
      schema: 't1',
      log: () => undefined,
    });
    await somebodySleeps();
    await expect(fleet.migrate()).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringContaining('node-pg-migrate') as string,
    });
    await byHand;
    expect((await fleet.migrate({}, { concurrency: 4 })).tenants).toMatchObject({ applied: 4, upToDate: 1 });
  });
});
