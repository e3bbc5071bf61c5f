import { describe, expect, it } from 'vitest';

import type { FleetEvent } from '../../src/fleet/types.js';
import { exitCodeOf } from '../../src/run/report.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({ each: true, tenants: ['t1', 't2', 't3', 't4', 't5'] });
const { database } = fleet;

/** A migration that fails for the tenants that have a table named `poison`. */
const POISONED = 'CREATE TABLE poison (id int);';
async function poison(...tenants: string[]): Promise<void> {
  for (const tenant of tenants) await database.query(`CREATE TABLE ${tenant}.poison (id int)`);
  await fleet.tenantMigration('0002_poison.sql', POISONED);
}

const outcomes = (results: { tenant: string; status: string }[]): string[] =>
  results.map(({ tenant, status }) => `${tenant} ${status}`).sort();

describe('a failing tenant', () => {
  it('is back where it was, and the report says what failed where', async () => {
    await poison('t3');
    await fleet.tenantMigration(
      '0002_poison.sql',
      `CREATE TABLE fine (id int);\n\nCREATE TABLE\n  poison (id int);\nCREATE TABLE never (id int);`,
    );
    const report = await fleet.migrate({}, { canary: 0 });
    expect(report.tenants).toMatchObject({ applied: 4, failed: 1 });
    expect(report.results.find(({ tenant }) => tenant === 't3')).toEqual({
      tenant: 't3',
      status: 'failed',
      committed: [],
      migration: '0002_poison',
      error: {
        name: 'error',
        code: 'MIGRATION_FAILED',
        message: 'relation "poison" already exists',
        sqlstate: '42P07',
        tenant: 't3',
        migration: '0002_poison',
        file: fleet.files.path('migrations', 'tenant', '0002_poison.sql'),
        line: 3,
        statement: 'CREATE TABLE\n  poison (id int)',
      },
    });
    expect(exitCodeOf(report)).toBe(1);
    expect(await fleet.tables('t3')).toEqual(['pgmigrations', 'poison', 'projects']);
    await database.query('DROP TABLE t3.poison');
    const again = await fleet.migrate();
    expect(again.tenants).toMatchObject({ applied: 1, upToDate: 4 });
    expect(await fleet.tables('t3')).toEqual(await fleet.tables('t1'));
  });

  it('that is the canary keeps the rest of its cohort from being tried', async () => {
    await poison('t1');
    const report = await fleet.migrate();
    expect(outcomes(report.results)).toEqual([
      't1 failed',
      't2 notExecuted',
      't3 notExecuted',
      't4 notExecuted',
      't5 notExecuted',
    ]);
    expect(report.results.slice(1)).toMatchObject(Array.from({ length: 4 }, () => ({ reason: 'canaryFailed' })));
    expect(await fleet.tables('t2')).not.toContain('poison');
  });

  it('that is the canary leaves other cohorts alone', async () => {
    await poison('t1');
    await database.query(`DELETE FROM t4.pgmigrations; DROP TABLE t4.projects`);
    await database.query(`DELETE FROM t5.pgmigrations; DROP TABLE t5.projects`);
    const report = await fleet.migrate();
    expect(outcomes(report.results)).toEqual([
      't1 failed',
      't2 notExecuted',
      't3 notExecuted',
      't4 applied',
      't5 applied',
    ]);
  });

  it('several canaries are tried one after the other, and none with canary 0', async () => {
    await poison('t2');
    const three = await fleet.migrate({}, { canary: 3 });
    expect(outcomes(three.results)).toEqual([
      't1 applied',
      't2 failed',
      't3 notExecuted',
      't4 notExecuted',
      't5 notExecuted',
    ]);
    const none = await fleet.migrate({}, { canary: 0 });
    expect(none.tenants).toMatchObject({ upToDate: 1, applied: 3, failed: 1 });
  });

  it('ends the run with failFast, after what runs is done', async () => {
    await poison('t2');
    const stopping: FleetEvent[] = [];
    const report = await fleet.migrate(
      { failFast: true, onEvent: (event) => void (event.type === 'stopping' && stopping.push(event)) },
      { canary: 0, concurrency: 1 },
    );
    expect(outcomes(report.results)).toEqual([
      't1 applied',
      't2 failed',
      't3 notExecuted',
      't4 notExecuted',
      't5 notExecuted',
    ]);
    expect(report.results).toContainEqual({ tenant: 't5', status: 'notExecuted', reason: 'failFast' });
    expect(stopping).toEqual([{ type: 'stopping', reason: 'failFast' }]);
  });

  it('counts against maxFailures, which ends the run when it is reached', async () => {
    await poison('t1', 't2', 't3', 't4');
    const report = await fleet.migrate({}, { canary: 0, concurrency: 1, maxFailures: 2 });
    expect(outcomes(report.results)).toEqual([
      't1 failed',
      't2 failed',
      't3 notExecuted',
      't4 notExecuted',
      't5 notExecuted',
    ]);
    expect(report.results).toContainEqual({ tenant: 't5', status: 'notExecuted', reason: 'maxFailures' });
    const many = await fleet.migrate({}, { canary: 0, maxFailures: 5 });
    expect(many.tenants).toMatchObject({ failed: 4, applied: 1, notExecuted: 0 });
  });

  it('gets no second try for an error that would come again', async () => {
    await poison('t1', 't2', 't3', 't4', 't5');
    const report = await fleet.migrate({}, { canary: 0 });
    expect(report.tenants.failed).toBe(5);
    expect(JSON.stringify(report.results)).not.toContain('attempts');
  });
});

describe('passing errors', () => {
  const QUICK = { lockTimeoutMs: 200, retries: 2, canary: 0 };

  it('a lock that stays is tried again, then reported with the attempts', async () => {
    await fleet.tenantMigration('0002_alter.sql', 'ALTER TABLE projects ADD COLUMN note text;');
    const blocker = await database.client();
    await blocker.query('BEGIN; LOCK TABLE t2.projects IN ACCESS SHARE MODE');
    const report = await fleet.migrate({}, QUICK);
    await blocker.query('ROLLBACK');
    expect(report.tenants).toMatchObject({ applied: 4, failed: 1 });
    expect(report.results.find(({ tenant }) => tenant === 't2')).toMatchObject({
      status: 'failed',
      attempts: [{ sqlstate: '55P03', count: 2 }],
      error: { sqlstate: '55P03', suggestions: [expect.stringContaining('--lock-timeout') as string] },
    });
    expect((await fleet.migrate()).tenants).toMatchObject({ applied: 1, upToDate: 4 });
  });

  it('a lock that goes away in time leads to success, with the attempts', async () => {
    await fleet.tenantMigration('0002_alter.sql', 'ALTER TABLE projects ADD COLUMN note text;');
    const blocker = await database.client();
    await blocker.query('BEGIN; LOCK TABLE t2.projects IN ACCESS SHARE MODE');
    const running = fleet.migrate({}, { ...QUICK, retries: 10 });
    setTimeout(() => void blocker.query('ROLLBACK'), 1500);
    const report = await running;
    expect(report.tenants).toMatchObject({ applied: 5, failed: 0 });
    const result = report.results.find(({ tenant }) => tenant === 't2');
    expect(result?.attempts?.[0]).toMatchObject({ sqlstate: '55P03' });
    expect(result?.attempts?.[0]?.count).toBeGreaterThan(0);
  });

  it('a migrations table that someone keeps locked makes its tenant unreadable, and holds nobody else up', async () => {
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    const blocker = await database.client();
    await blocker.query('BEGIN; LOCK TABLE t2.pgmigrations, t4.pgmigrations');
    const report = await fleet.migrate({}, QUICK);
    await blocker.query('ROLLBACK');
    expect(report.durationMs).toBeLessThan(10_000);
    expect(report.results.filter(({ status }) => status === 'failed')).toMatchObject([
      { tenant: 't2', error: { code: 'TENANT_UNREADABLE', sqlstate: '55P03' } },
      { tenant: 't4', error: { code: 'TENANT_UNREADABLE', sqlstate: '55P03' } },
    ]);
    expect(report.tenants).toMatchObject({ applied: 3, failed: 2 });
  });

  it('a deadlock is tried again', async () => {
    await fleet.tenantMigration('0002_both.sql', 'LOCK TABLE projects; SELECT pg_sleep(0.4); LOCK TABLE extra;');
    for (const tenant of ['t1', 't2', 't3', 't4', 't5']) await database.query(`CREATE TABLE ${tenant}.extra (id int)`);
    const other = await database.client();
    // The other one looks for deadlocks so late that ours is the victim.
    await other.query(`SET deadlock_timeout = '10s'; BEGIN; LOCK TABLE t3.extra`);
    const running = fleet.migrate(
      { selection: { kind: 'tenants', names: ['t3'] } },
      { canary: 0, lockTimeoutMs: 8000 },
    );
    await expect
      .poll(
        async () =>
          (
            await database.query(
              `SELECT FROM pg_locks WHERE relation = 't3.projects'::regclass AND mode = 'AccessExclusiveLock'`,
            )
          ).rowCount,
        { interval: 20 },
      )
      .toBe(1);
    const blocked = other.query('LOCK TABLE t3.projects').then(() => other.query('COMMIT'));
    const report = await running;
    await blocked;
    expect(report.results).toMatchObject([
      { tenant: 't3', status: 'applied', attempts: [{ sqlstate: '40P01', count: 1 }] },
    ]);
  });
});

describe('transactions', () => {
  const ENUM = {
    '0002_kind.sql': `CREATE TYPE kind AS ENUM ('a'); CREATE TABLE kinds (kind kind);`,
    '0003_value.sql': `ALTER TYPE kind ADD VALUE 'b';`,
    '0004_use.sql': `INSERT INTO kinds VALUES ('b');`,
  };

  it('one for all of a tenant: a new enum value is refused with the way out', async () => {
    await fleet.tenantMigration('0002_kind.sql', ENUM['0002_kind.sql']);
    await fleet.migrate();
    await fleet.tenantMigration('0003_value.sql', ENUM['0003_value.sql']);
    await fleet.tenantMigration('0004_use.sql', ENUM['0004_use.sql']);
    const report = await fleet.migrate({}, { canary: 0 });
    expect(report.tenants.failed).toBe(5);
    expect(report.results[0]).toMatchObject({
      committed: [],
      migration: '0004_use',
      error: { sqlstate: '55P04', suggestions: [expect.stringContaining('--transaction migration') as string] },
    });
    expect(await fleet.applied('t1')).toEqual(['0001_projects', '0002_kind']);
    const apart = await fleet.migrate({}, { transaction: 'migration' });
    expect(apart.tenants).toMatchObject({ applied: 5, failed: 0 });
    expect(apart.results[0]).toMatchObject({ migrations: ['0003_value', '0004_use'] });
  });

  it('one for each migration: what was committed before a failure stays and is named', async () => {
    await fleet.tenantMigration('0002_a.sql', 'CREATE TABLE a (id int);');
    await fleet.tenantMigration('0003_b.sql', 'CREATE TABLE b (id int); CREATE TABLE poison (id int);');
    await database.query('CREATE TABLE t2.poison (id int)');
    const report = await fleet.migrate({}, { transaction: 'migration', canary: 0 });
    expect(report.results.find(({ tenant }) => tenant === 't2')).toMatchObject({
      status: 'failed',
      committed: ['0002_a'],
      migration: '0003_b',
    });
    expect(await fleet.tables('t2')).toEqual(['a', 'pgmigrations', 'poison', 'projects']);
    expect(await fleet.applied('t2')).toEqual(['0001_projects', '0002_a']);
  });
});

describe('tenants created while others are migrated', () => {
  it('get a round of their own', async () => {
    await fleet.tenantMigration('0002_slow.sql', 'SELECT pg_sleep(0.3); CREATE TABLE two (id int);');
    let created: Promise<unknown> | undefined;
    const report = await fleet.migrate({
      onEvent: (event) => {
        if (event.type !== 'tenant:start' || created !== undefined) return;
        created = database.query(
          `CREATE SCHEMA late; CREATE TABLE late.pgmigrations (LIKE t5.pgmigrations INCLUDING ALL);
           INSERT INTO late.pgmigrations SELECT * FROM t5.pgmigrations WHERE name = '0001_projects'; CREATE TABLE late.projects (id int);
           INSERT INTO public.tenants (schema_name) VALUES ('late')`,
        );
      },
    });
    await created;
    expect(report.tenants).toMatchObject({ total: 6, applied: 6, failed: 0 });
    expect(await fleet.tables('late')).toContain('two');
  });

  it('one that was named and is deleted meanwhile spoils nothing', async () => {
    await fleet.tenantMigration('0002_slow.sql', 'SELECT pg_sleep(0.2); CREATE TABLE two (id int);');
    let deleted: Promise<unknown> | undefined;
    const report = await fleet.migrate(
      {
        selection: { kind: 'tenants', names: ['t1', 't2', 't5'] },
        onEvent: (event) => {
          if (event.type !== 'tenant:start' || deleted !== undefined) return;
          deleted = database.query(`DROP SCHEMA t5 CASCADE; DELETE FROM public.tenants WHERE schema_name = 't5'`);
        },
      },
      { concurrency: 1 },
    );
    await deleted;
    expect(report.tenants).toEqual({ total: 2, applied: 2, upToDate: 0, failed: 0, notExecuted: 0, missing: 0 });
    expect(report.warnings).toEqual([]);
    expect(exitCodeOf(report)).toBe(0);
  });

  it('one whose migrations cannot be compiled does not hide what was done', async () => {
    await fleet.tenantMigration('0002_slow.sql', 'SELECT pg_sleep(0.2); CREATE TABLE two (id int);');
    await fleet.files.write('migrations/shop/0001_bad.sql', 'COMMIT;');
    let created: Promise<unknown> | undefined;
    const { tenants } = await fleet.project();
    const report = await fleet.migrate(
      {
        onEvent: (event) => {
          if (event.type !== 'tenant:start' || created !== undefined) return;
          created = database.query(
            `CREATE SCHEMA late; INSERT INTO public.tenants (schema_name, type) VALUES ('late', 'shop')`,
          );
        },
      },
      { tenants: { ...tenants, types: { shop: fleet.files.path('migrations', 'shop') } } },
    );
    await created;
    expect(report.tenants).toMatchObject({ total: 6, applied: 5, failed: 1 });
    expect(report.results.find(({ tenant }) => tenant === 'late')).toMatchObject({
      status: 'failed',
      error: { code: 'MIGRATION_REFUSED' },
    });
    expect(report.warnings).toHaveLength(1);
  });
});

describe('a round that cannot be followed by another', () => {
  it('leaves numbers that add up when the tenants created during it cannot be surveyed', async () => {
    await fleet.tenantMigration('0002_slow.sql', 'SELECT pg_sleep(0.2); CREATE TABLE two (id int);');
    let created: Promise<unknown> | undefined;
    const { tenants } = await fleet.project();
    const report = await fleet.migrate(
      {
        onEvent: (event) => {
          if (event.type !== 'tenant:start' || created !== undefined) return;
          created = database.query(`INSERT INTO public.tenants (schema_name, type) VALUES ('late', 'shop')`);
        },
      },
      { tenants: { ...tenants, types: { shop: fleet.files.path('migrations', 'no-such-directory') } } },
    );
    await created;
    expect(report.tenants).toEqual({ total: 5, applied: 5, upToDate: 0, failed: 0, notExecuted: 0, missing: 0 });
    expect(report.warnings).toEqual([expect.stringContaining('created or changed during the run were left out')]);
  });

  it('announces the tenants that were changed during it, exactly once', async () => {
    await fleet.tenantMigration('0002_slow.sql', 'SELECT pg_sleep(0.2); CREATE TABLE two (id int);');
    const drain = new AbortController();
    const done: string[] = [];
    let deleted: Promise<unknown> | undefined;
    const report = await fleet.migrate(
      {
        drain: drain.signal,
        onEvent: (event) => {
          if (event.type === 'tenant:done') done.push(`${event.result.tenant} ${event.result.status}`);
          if (event.type !== 'tenant:start') return;
          deleted ??= database.query(`DROP SCHEMA t5 CASCADE; DELETE FROM public.tenants WHERE schema_name = 't5'`);
          if (event.tenant === 't5') drain.abort();
        },
      },
      { concurrency: 1, canary: 0 },
    );
    await deleted;
    expect(report.results.find(({ tenant }) => tenant === 't5')).toMatchObject({ error: { code: 'TENANT_MOVED' } });
    expect(done).toEqual(['t1 applied', 't2 applied', 't3 applied', 't4 applied', 't5 failed']);
  });
});

describe('shared migrations that leave no registry', () => {
  it('are told from a refusal before them, which touched nothing', async () => {
    await database.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    await fleet.files.write('migrations/shared/0001_registry.sql', 'CREATE TABLE accounts (id int);');
    await expect(fleet.migrate()).rejects.toMatchObject({
      code: 'REGISTRY_NOT_MADE',
      exitCode: 1,
      message: expect.stringContaining('The shared schema was migrated.') as string,
    });
    await expect(fleet.migrate()).rejects.toMatchObject({ code: 'REGISTRY_MISSING', exitCode: 2 });
  });
});
