import { threadId } from 'node:worker_threads';

import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import type { Hooks } from '../../src/project/hook-types.js';
import { exitCodeOf } from '../../src/run/report.js';
import { ensureBuilt } from '../support/build.js';
import { createMissing, createFleet, type TestFleet, useFleet } from '../support/fleet.js';
import { fixture } from './fleets.js';

// Workers start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });

const TENANTS = ['acme', 'big "Corp"', 'globex', 'initech', 'select', 'umbrella'];
const WORKERS = ['multiprocessing', 'worker-threads'];

const start = useFleet({
  each: true,
  tenants: [],
  prepare: async (made) => {
    await createMissing(made, TENANTS);
    await made.database.query('CREATE TABLE public.audit (tenant text, note text, pid int)');
  },
});
const { database } = start;
let fleet: TestFleet;

beforeAll(() => ensureBuilt(), 120_000);

/** A fleet whose configuration has hooks, as JavaScript or TypeScript. */
async function prepare(file: string, config: string): Promise<void> {
  fleet = await createFleet(database, { [file]: config }, { configFile: file });
  await fleet.tenantMigration('0002_tasks.sql', 'CREATE TABLE tasks (id int);');
}

afterEach(() => fleet.remove());

describe.each(['standard', ...WORKERS, fixture('one-by-one.js')])('%s', (executor) => {
  const overrides = { executor, canary: 0, maxProcesses: 2 };

  it('calls the hooks of the configuration for each tenant, in its transaction', async () => {
    await prepare(
      'hooks.config.ts',
      `import { defineConfig, type MigrateHook } from 'pg-tenants';
       const note = (when: string): MigrateHook => async ({ tenant, migrations, client }) => {
         await client?.query('INSERT INTO audit SELECT $1, $2, $3 FROM pgmigrations HAVING count(*) > 0', [
           tenant, when + ' ' + migrations.join(), process.pid,
         ]);
       };
       export default defineConfig({ hooks: { beforeMigrate: note('before'), afterMigrate: note('after') } });`,
    );
    const report = await fleet.migrate({}, overrides);
    expect(report.warnings).toEqual([]);
    expect(report.tenants).toMatchObject({ applied: 6, failed: 0 });
    const { rows } = await database.query(`SELECT tenant, note FROM audit ORDER BY tenant COLLATE "C", note DESC`);
    expect(rows).toEqual(
      TENANTS.flatMap((tenant) => [
        { tenant, note: 'before 0002_tasks' },
        { tenant, note: 'after 0002_tasks' },
      ]),
    );
    const pids = await database.query<{ pid: number }>('SELECT DISTINCT pid FROM audit');
    expect(pids.rows.some(({ pid }) => pid === process.pid)).toBe(executor !== 'multiprocessing');
    expect((await fleet.migrate({}, overrides)).tenants.upToDate).toBe(6);
    expect((await database.query('SELECT FROM audit')).rowCount).toBe(12);
  });

  it('lets the tenant fail whose hook fails, with the same words', async () => {
    await prepare(
      'hooks.config.mjs',
      `export default { hooks: { afterMigrate: async ({ tenant, client }) => {
         if (tenant === 'globex') await client.query('SELECT 1/0');
         if (tenant === 'select') throw new TypeError('no');
       } } };`,
    );
    const report = await fleet.migrate({}, overrides);
    expect(report.tenants).toMatchObject({ applied: 4, failed: 2, notExecuted: 0 });
    expect(exitCodeOf(report)).toBe(1);
    expect(
      report.results.filter(({ status }) => status === 'failed').toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1)),
    ).toEqual([
      {
        tenant: 'globex',
        status: 'failed',
        committed: [],
        error: {
          name: 'TenantsError',
          code: 'HOOK_FAILED',
          message: 'The hook afterMigrate failed: division by zero',
          hook: 'afterMigrate',
          sqlstate: '22012',
          statement: 'SELECT 1/0',
          tenant: 'globex',
          cause: expect.objectContaining({ code: 'DATABASE_ERROR', sqlstate: '22012' }) as object,
        },
      },
      {
        tenant: 'select',
        status: 'failed',
        committed: [],
        error: {
          name: 'TenantsError',
          code: 'HOOK_FAILED',
          message: 'The hook afterMigrate failed: no',
          hook: 'afterMigrate',
          tenant: 'select',
          cause: { name: 'TypeError', code: 'UNEXPECTED', message: 'no' },
        },
      },
    ]);
    expect(await fleet.tables('globex')).toEqual(['pgmigrations', 'projects']);
    expect(await fleet.tables('acme')).toContain('tasks');
  });

  it('gives up a hook that never returns when the run is canceled', async () => {
    await prepare(
      'hooks.config.mjs',
      `export default { hooks: { beforeMigrate: async ({ client }) => {
         await client.query('SELECT 1');
         setInterval(() => {}, 1000).unref();
         await new Promise(() => {});
       } } };`,
    );
    const cancel = new AbortController();
    const report = await fleet.migrate(
      {
        cancel: cancel.signal,
        onEvent: (event) => event.type === 'tenant:start' && setTimeout(() => cancel.abort(), 300),
      },
      overrides,
    );
    expect(report).toMatchObject({ interrupted: true, tenants: { applied: 0, failed: 0, notExecuted: 6 } });
    expect(report.durationMs).toBeLessThan(20_000);
    for (const tenant of TENANTS) expect(await fleet.tables(tenant)).toEqual(['pgmigrations', 'projects']);
  });
});

describe.each(WORKERS)('%s', (executor) => {
  const overrides = { executor, canary: 0, maxProcesses: 2 };

  async function expectNobodyTouched(message: RegExp): Promise<void> {
    const report = await fleet.migrate({}, overrides);
    expect(report.tenants).toMatchObject({ applied: 0, failed: 0, notExecuted: 6 });
    expect(report.results.every((one) => one.status === 'notExecuted' && one.reason === 'executorFailed')).toBe(true);
    expect(report.warnings).toEqual([expect.stringMatching(message)]);
    expect(exitCodeOf(report)).toBe(1);
    for (const tenant of TENANTS) expect(await fleet.tables(tenant)).not.toContain('tasks');
  }

  /** A configuration that is another one in workers than in the thread of the tests. */
  const prepareDivided = (elsewhere: string): Promise<void> =>
    prepare(
      'hooks.config.mjs',
      `import { threadId } from 'node:worker_threads';
       const here = process.pid === ${process.pid} && threadId === ${threadId};
       if (!here) { ${elsewhere} }
       export default { hooks: here ? { afterMigrate: () => {} } : {} };`,
    );

  it('says that the configuration cannot be loaded in a worker', async () => {
    await prepareDivided(`throw new Error('only in the main process');`);
    await expectNobodyTouched(
      /^A worker could not load the hooks of the configuration: The configuration file .*hooks\.config\.mjs cannot be used: it cannot be loaded, only in the main process/,
    );
  });

  it('says that a worker finds no such hook', async () => {
    await prepareDivided('');
    await expectNobodyTouched(/hooks\.config\.mjs has no afterMigrate here/);
  });

  it('is refused before anything is touched when the hooks come from no file', async () => {
    await prepare('hooks.config.mjs', 'export default {};');
    const hooks: Hooks = { afterMigrate: () => {} };
    const project = { ...overrides, hooks, hooksOrigin: undefined };
    await expect(fleet.migrate({}, project)).rejects.toMatchObject({ code: 'EXECUTOR_UNAVAILABLE', exitCode: 2 });
    expect(await fleet.tables('acme')).not.toContain('tasks');
  });
});
