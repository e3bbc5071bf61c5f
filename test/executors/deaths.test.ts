import { rm } from 'node:fs/promises';

import { beforeAll, describe, expect, it, vi } from 'vitest';

import { exitCodeOf } from '../../src/run/report.js';
import { ensureBuilt } from '../support/build.js';
import { actsIn, fixture, names, withFleet } from './fleets.js';

// Workers start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });

const RUNTIMES = [
  { name: 'multiprocessing', impatient: fixture('impatient-processes.js'), small: fixture('small-processes.js') },
  { name: 'worker-threads', impatient: fixture('impatient-threads.js'), small: fixture('small-threads.js') },
];

const EIGHT = names(8);

beforeAll(() => ensureBuilt(), 120_000);

describe.each(RUNTIMES)('$name', ({ name, impatient, small }) => {
  const cases = [
    { what: 'calls process.exit', executor: name, script: 'process.exit(3)', says: /ended with exit code 3/ },
    { what: 'blocks forever', executor: impatient, script: 'while (true) {}', says: /hung: it was silent for 5 s/ },
    {
      what: 'takes all memory',
      executor: small,
      script: 'const all = []; for (;;) all.push(new Array(1e6).fill(all.length + 0.5).map((number) => number / 3))',
      says: /ran out of memory/,
    },
    {
      what: 'throws after it has returned',
      executor: name,
      script: "setTimeout(() => { throw 'late' }, 0); await new Promise((resolve) => setTimeout(resolve, 200))",
      says: /ended with exit code 1 \(late\)/,
    },
  ];
  it.each(cases)('a migration that $what fails its own tenant only', async ({ executor, script, says }) => {
    await withFleet(EIGHT, async (fleet) => {
      await fleet.tenantMigration('0002_made.js', actsIn('t04', script));
      const report = await fleet.migrate({}, { executor });
      expect(report.tenants).toMatchObject({ applied: 7, failed: 1, notExecuted: 0 });
      expect(exitCodeOf(report)).toBe(1);
      const failed = report.results.find(({ status }) => status === 'failed');
      expect(failed).toMatchObject({
        tenant: 't04',
        committed: [],
        error: { code: 'WORKER_DIED', tenant: 't04', message: expect.stringMatching(says) },
      });
      for (const tenant of EIGHT) {
        expect((await fleet.tables(tenant)).includes('made')).toBe(tenant !== 't04');
        expect(await fleet.applied(tenant)).toHaveLength(tenant === 't04' ? 1 : 2);
      }
    });
  });

  it('what a migration throws may be anything and is reported in its words', async () => {
    await withFleet(EIGHT, async (fleet) => {
      await fleet.tenantMigration('0002_made.js', actsIn('t04', "throw 'no error at all'"));
      const report = await fleet.migrate({}, { executor: name });
      expect(report.tenants).toMatchObject({ applied: 7, failed: 1 });
      const failed = report.results.find(({ status }) => status === 'failed');
      expect(failed).toMatchObject({ tenant: 't04', error: { message: expect.stringContaining('no error at all') } });
    });
  });

  it('three deaths in a row end the run, and what is left can be migrated later', async () => {
    await withFleet(EIGHT, async (fleet) => {
      await fleet.tenantMigration(
        '0002_made.js',
        actsIn('t01', '').replace("=== 't01'", "!== 't01'").replace('{  }', '{ process.exit(7) }'),
      );
      const report = await fleet.migrate({}, { executor: name });
      expect(report.tenants).toMatchObject({ applied: 1 });
      expect(report.tenants.failed + report.tenants.notExecuted).toBe(7);
      expect(report.tenants.notExecuted).toBeGreaterThanOrEqual(4);
      for (const one of report.results) if (one.status === 'notExecuted') expect(one.reason).toBe('executorFailed');
      expect(report.warnings.join()).toMatch(/3 workers in a row died .* exit code 7/);
      expect(exitCodeOf(report)).toBe(1);
      // Under another extension: this process has evaluated the old file and would not read it again.
      await rm(fleet.files.path('migrations/tenant/0002_made.js'));
      await fleet.tenantMigration('0002_made.sql', 'CREATE TABLE made (id int);');
      expect((await fleet.migrate({}, { executor: name })).tenants).toMatchObject({ applied: 7, upToDate: 1 });
    });
  });

  it('a worn-out worker is replaced', async () => {
    await withFleet(names(17), async (fleet) => {
      await fleet.tenantMigration(
        '0002_made.js',
        `import { threadId } from 'node:worker_threads';
export const up = async (pgm) => {
  await pgm.db.query('SELECT 1');
  pgm.sql(\`CREATE TABLE public_mark AS SELECT '\${process.pid}/\${threadId}' AS worker\`);
};
export const down = false;`,
      );
      const report = await fleet.migrate({}, { executor: impatient, maxProcesses: 1 });
      expect(report.tenants.applied).toBe(17);
      expect(report.processes).toBe(1);
      const counts = new Map<string, number>();
      for (const tenant of names(17)) {
        const { rows } = await fleet.database.query<{ worker: string }>(`SELECT worker FROM ${tenant}.public_mark`);
        counts.set(rows[0]?.worker ?? '', (counts.get(rows[0]?.worker ?? '') ?? 0) + 1);
      }
      // The canary ran in this process; three workers had six tenants each, as chunks of two come.
      expect([...counts.values()].toSorted()).toEqual([1, 4, 6, 6]);
    });
  });
});
