import { beforeAll, describe, expect, it, vi } from 'vitest';

import { exitCodeOf } from '../../src/run/report.js';
import { rollback } from '../../src/run/rollback.js';
import type { MigrateReport } from '../../src/run/types.js';
import { ensureBuilt } from '../support/build.js';
import { fixture, withFleet } from './fleets.js';

// Workers start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });

const EXECUTORS = [
  { name: 'standard', executor: 'standard', concurrency: 4, workers: false },
  { name: 'multiprocessing', executor: 'multiprocessing', concurrency: 2, workers: true },
  { name: 'worker-threads', executor: 'worker-threads', concurrency: 2, workers: true },
  {
    name: 'one-by-one',
    executor: fixture('one-by-one.js'),
    concurrency: 1,
    workers: false,
  },
];

const TENANTS = ['acme', 'Big "Corp"', 'globex', 'initech', 'select', 'umbrella', 'Ünïcode', 'x'.repeat(63)];

beforeAll(() => ensureBuilt(), 120_000);

/** What the first executor reported; the others must report the same. */
const reports = new Map<string, unknown>();

function expectSame(what: string, report: MigrateReport): void {
  const { shared, tenants, warnings } = report;
  const results = report.results
    .map((result) => ('durationMs' in result ? { ...result, durationMs: 0 } : result))
    .toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1));
  const comparable = JSON.parse(
    JSON.stringify({ exitCode: exitCodeOf(report), shared, tenants, results, warnings }).replaceAll(
      /tenants-[A-Za-z0-9]{6}/g,
      '',
    ),
  ) as unknown;
  if (!reports.has(what)) reports.set(what, comparable);
  expect(comparable).toEqual(reports.get(what));
}

describe.each(EXECUTORS)('$name', ({ name, executor, concurrency, workers }) => {
  it('brings every tenant to the same state, by compiled, direct and TypeScript migrations and outside a transaction', async () => {
    await withFleet(TENANTS, async (fleet) => {
      await fleet.tenantMigration('0002_tasks.sql', 'CREATE TABLE tasks (id int, title text);');
      await fleet.tenantMigration(
        '0003_index.sql',
        '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY tasks_id ON tasks (id);',
      );
      await fleet.tenantMigration(
        '0004_direct.ts',
        `import type { MigrationBuilder } from 'node-pg-migrate';
export async function up(pgm: MigrationBuilder): Promise<void> {
  const { rows } = await pgm.db.query('SELECT current_schema()::text AS schema');
  pgm.sql("INSERT INTO tasks VALUES (1, '" + rows[0].schema.replaceAll("'", "''") + "')");
}
export const down = false;`,
      );
      const started: string[] = [];
      const report = await fleet.migrate(
        { onEvent: (event) => event.type === 'tenant:start' && started.push(event.tenant) },
        { executor },
      );
      expect(report.tenants).toEqual({ total: 8, applied: 8, upToDate: 0, failed: 0, notExecuted: 0, missing: 0 });
      expect(report).toMatchObject({ executor: name, concurrency });
      expect(report.processes > 1).toBe(workers);
      expect(started.toSorted()).toEqual(TENANTS.toSorted());
      expectSame('success', report);
      for (const result of report.results) {
        expect(result).toMatchObject({ status: 'applied', migrations: ['0002_tasks', '0003_index', '0004_direct'] });
        const quoted = `"${result.tenant.replaceAll('"', '""')}"`;
        const { rows } = await fleet.database.query(`SELECT id, title FROM ${quoted}.tasks`);
        expect(rows).toEqual([{ id: 1, title: result.tenant }]);
        expect(await fleet.applied(result.tenant)).toEqual([
          '0001_projects',
          '0002_tasks',
          '0003_index',
          '0004_direct',
        ]);
      }
      expect((await fleet.migrate({}, { executor })).tenants.upToDate).toBe(8);
    });
  });

  it("leaves a failing tenant where it was and reports the statement and the server's words", async () => {
    await withFleet(TENANTS, async (fleet) => {
      await fleet.database.query(`CREATE TABLE globex.tasks (id int)`);
      await fleet.tenantMigration('0002_tasks.sql', 'CREATE TABLE done (id int);\nCREATE TABLE tasks (id int);');
      const report = await fleet.migrate({}, { executor });
      expect(report.tenants).toMatchObject({ applied: 7, failed: 1 });
      expect(exitCodeOf(report)).toBe(1);
      expectSame('failure', report);
      const failed = report.results.find(({ status }) => status === 'failed');
      expect(failed).toEqual({
        tenant: 'globex',
        status: 'failed',
        committed: [],
        migration: '0002_tasks',
        error: expect.objectContaining({
          name: 'error',
          code: 'MIGRATION_FAILED',
          sqlstate: '42P07',
          message: 'relation "tasks" already exists',
          statement: 'CREATE TABLE tasks (id int)',
          line: 2,
          tenant: 'globex',
        }),
      });
      expect(await fleet.tables('globex')).toEqual(['pgmigrations', 'projects', 'tasks']);
    });
  });

  it('runs the canary first and hands nobody out after it failed', async () => {
    await withFleet(TENANTS, async (fleet) => {
      await fleet.tenantMigration('0002_wrong.sql', 'SELECT 1/0;');
      const report = await fleet.migrate({}, { executor });
      expect(report.tenants).toMatchObject({ failed: 1, notExecuted: 7 });
      expectSame('canary', report);
      expect(
        report.results
          .filter(({ status }) => status === 'notExecuted')
          .every((one) => 'reason' in one && one.reason === 'canaryFailed'),
      ).toBe(true);
    });
  });

  it('stops handing out after the first failure when it is told to', async () => {
    await withFleet(TENANTS, async (fleet) => {
      await fleet.tenantMigration('0002_wrong.sql', 'SELECT pg_sleep(0.05);\nSELECT 1/0;');
      const report = await fleet.migrate({ failFast: true }, { executor, canary: 0, concurrency: 1, maxProcesses: 2 });
      const { failed, notExecuted } = report.tenants;
      expect(failed).toBeGreaterThan(0);
      expect(failed).toBeLessThanOrEqual(4);
      expect(failed + notExecuted).toBe(8);
      expect(
        report.results.filter((one) => one.status === 'notExecuted').every((one) => one.reason === 'failFast'),
      ).toBe(true);
    });
  });

  it('drains: what is at a lane is finished, what is not begun stays as it was', async () => {
    await withFleet(TENANTS, async (fleet) => {
      await fleet.tenantMigration('0002_slow.sql', 'CREATE TABLE slow (id int);\nSELECT pg_sleep(0.6);');
      const drain = new AbortController();
      const report = await fleet.migrate(
        { drain: drain.signal, onEvent: (event) => event.type === 'tenant:start' && drain.abort() },
        { executor, canary: 0, concurrency: 1, maxProcesses: 2, chunkSize: 3 },
      );
      expect(report.interrupted).toBe(true);
      expect(report.tenants.failed).toBe(0);
      expect(report.tenants.applied).toBeGreaterThan(0);
      expect(report.tenants.applied).toBeLessThanOrEqual(2);
      for (const one of report.results) {
        if (one.status === 'notExecuted') expect(one.reason).toBe('interrupted');
        expect((await fleet.tables(one.tenant)).includes('slow')).toBe(one.status === 'applied');
      }
    });
  });

  it('cancels: running statements are rolled back', async () => {
    await withFleet(TENANTS, async (fleet) => {
      await fleet.tenantMigration('0002_slow.sql', 'CREATE TABLE slow (id int);\nSELECT pg_sleep(60);');
      const cancel = new AbortController();
      const started = performance.now();
      const report = await fleet.migrate(
        {
          cancel: cancel.signal,
          onEvent: (event) => event.type === 'tenant:start' && setTimeout(() => cancel.abort(), 300),
        },
        { executor, canary: 0 },
      );
      expect(performance.now() - started).toBeLessThan(20_000);
      expect(report.tenants).toMatchObject({ applied: 0, failed: 0, notExecuted: 8 });
      expect(report.interrupted).toBe(true);
      for (const tenant of TENANTS) expect(await fleet.tables(tenant)).not.toContain('slow');
    });
  });

  it('hands out in the order of the fleet', async () => {
    await withFleet(TENANTS, async (fleet) => {
      await fleet.tenantMigration('0002_tasks.sql', 'CREATE TABLE tasks (id int);');
      const started: string[] = [];
      await fleet.migrate(
        { onEvent: (event) => event.type === 'tenant:start' && started.push(event.tenant) },
        { executor, concurrency: 1, maxProcesses: 1 },
      );
      const { rows } = await fleet.database.query<{ schema_name: string }>(
        'SELECT schema_name FROM tenants ORDER BY schema_name',
      );
      expect(started).toEqual(rows.map((row) => row.schema_name));
    });
  });

  it('rolls every tenant back, and leaves one that cannot go where it is', async () => {
    await withFleet(TENANTS, async (fleet) => {
      await fleet.tenantMigration(
        '0002_tasks.sql',
        '-- Up Migration\nCREATE TABLE tasks (id int);\n-- Down Migration\nDROP TABLE tasks;\n',
      );
      await fleet.migrate();
      await fleet.database.query('CREATE VIEW globex.uses AS SELECT * FROM globex.tasks');
      const project = await fleet.project({ executor });
      const report = await rollback(project, { selection: { kind: 'tenants' }, confirmed: true });
      expect(report.tenants).toEqual({ total: 8, rolledBack: 7, upToDate: 0, failed: 1, notExecuted: 0, missing: 0 });
      for (const tenant of TENANTS) {
        const done = tenant !== 'globex';
        expect(await fleet.applied(tenant)).toEqual(done ? ['0001_projects'] : ['0001_projects', '0002_tasks']);
        expect((await fleet.tables(tenant)).includes('tasks')).toBe(!done);
      }
    });
  });
});
