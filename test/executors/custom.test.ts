import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it, vi } from 'vitest';

import { exitCodeOf } from '../../src/run/report.js';
import { ensureBuilt, REPOSITORY } from '../support/build.js';
import { runCli } from '../support/run-cli.js';
import { fixture, names, withFleet } from './fleets.js';

// Workers start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });

it('the example of the documentation is the executor that is tested', async () => {
  const page = await readFile(join(REPOSITORY, 'docs', 'executors.md'), 'utf8');
  const [, example] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
  expect(example).toBe(await readFile(fixture('one-by-one.js'), 'utf8'));
});

it('an executor that gives up loses nothing of what it did, and what it makes up counts for nothing', async () => {
  await withFleet(names(6), async (fleet) => {
    await fleet.tenantMigration('0002_made.sql', 'CREATE TABLE made (id int);');
    const report = await fleet.migrate({}, { executor: fixture('breaks-off.js') });
    expect(report).toMatchObject({ executor: 'breaks-off', processes: 1, warnings: ['out of paper'] });
    // The canary and two more.
    expect(report.tenants).toEqual({ total: 6, applied: 3, upToDate: 0, failed: 0, notExecuted: 3, missing: 0 });
    expect(
      report.results.filter((one) => one.status === 'notExecuted' && one.reason === 'executorFailed'),
    ).toHaveLength(3);
    expect(exitCodeOf(report)).toBe(1);
    expect((await fleet.migrate()).tenants).toMatchObject({ applied: 3, upToDate: 3 });
  });
});

it('a tenant that an executor took and said nothing about has failed, with the name of the executor', async () => {
  await withFleet(names(6), async (fleet) => {
    await fleet.tenantMigration('0002_made.sql', 'CREATE TABLE made (id int);');
    const report = await fleet.migrate({}, { executor: fixture('forgetful.js') });
    expect(report.tenants).toEqual({ total: 6, applied: 4, upToDate: 0, failed: 2, notExecuted: 0, missing: 0 });
    expect(report.results.filter(({ status }) => status === 'failed')).toMatchObject(
      ['t05', 't06'].map((tenant) => ({
        tenant,
        committed: [],
        unknownOutcome: true,
        error: {
          code: 'EXECUTOR_FAILED',
          message: 'The executor "forgetful" took the tenant and yielded no result.',
          tenant,
        },
      })),
    );
    expect(report.interrupted).toBe(false);
    expect(exitCodeOf(report)).toBe(1);
    expect((await fleet.migrate()).tenants).toMatchObject({ applied: 2, upToDate: 4 });
  });
});

it('tenants that an executor did not take before it ended were not executed, because it gave up', async () => {
  await withFleet(names(6), async (fleet) => {
    await fleet.tenantMigration('0002_made.sql', 'CREATE TABLE made (id int);');
    const report = await fleet.migrate({}, { executor: fixture('leaves-early.js') });
    // The canary and two more.
    expect(report.tenants).toEqual({ total: 6, applied: 3, upToDate: 0, failed: 0, notExecuted: 3, missing: 0 });
    expect(report.results.filter(({ status }) => status === 'notExecuted')).toEqual(
      ['t04', 't05', 't06'].map((tenant) => ({ tenant, status: 'notExecuted', reason: 'executorFailed' })),
    );
    expect(exitCodeOf(report)).toBe(1);
  });
});

it('an executor that refuses the configuration is closed, and its refusal is what is reported', async () => {
  await withFleet([], async (fleet) => {
    const attempt = fleet.migrate({}, { executor: fixture('unusable.js') });
    await expect(attempt).rejects.toThrow('not with this configuration');
    expect(globalThis).toHaveProperty('unusableExecutorClosed', true);
  });
});

it('the command line takes a module by its path and refuses a name that is none', async () => {
  await ensureBuilt();
  await withFleet(names(3), async (fleet) => {
    await fleet.tenantMigration('0002_made.sql', 'CREATE TABLE made (id int);');
    await fleet.files.write('own/one-by-one.js', await readFile(fixture('one-by-one.js'), 'utf8'));
    await fleet.files.write('package.json', '{"type":"module"}');
    const settings = { cwd: fleet.files.root, env: { DATABASE_URL: fleet.database.url } };
    const wrong = await runCli(['migrate', '--executor=worker-thread', '--json'], settings);
    expect(wrong.code).toBe(2);
    expect(wrong.json()).toMatchObject({
      error: {
        code: 'EXECUTOR_UNAVAILABLE',
        suggestions: expect.arrayContaining(['Did you mean "worker-threads"?']),
      },
    });
    const right = await runCli(['migrate', '--executor=./own/one-by-one.js', '--json'], settings);
    expect(right.code, right.stderr).toBe(0);
    expect(right.json()).toMatchObject({ executor: 'one-by-one', concurrency: 1, tenants: { applied: 3 } });
  });
});
