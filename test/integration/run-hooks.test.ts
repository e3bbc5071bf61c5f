import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import type { AfterCommitContext, AfterRunContext, BeforeRunContext } from '../../src/project/hook-types.js';
import { exitCodeOf } from '../../src/run/report.js';
import { rollback } from '../../src/run/rollback.js';
import { TENANTS, useHookFleet } from './hook-fleet.js';

const { fleet, database, migrate } = useHookFleet();

/** Whether each tenant has the table of the migration, seen on another connection. */
async function haveTasks(): Promise<boolean[]> {
  const { rows } = await database.query<{ schema: string }>(
    `SELECT nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = 'tasks'`,
  );
  return TENANTS.map((tenant) => rows.some(({ schema }) => schema === tenant));
}

describe('hooks around a run', () => {
  it('are called before the first change, after each COMMIT, and at the end', async () => {
    const told: unknown[] = [];
    const report = await migrate({
      beforeRun: async (context: BeforeRunContext) => {
        told.push(context, await haveTasks());
      },
      afterCommit: async (context: AfterCommitContext) => {
        told.push([context, (await haveTasks())[TENANTS.indexOf(context.tenant)]]);
      },
      afterRun: async ({ results, ...context }: AfterRunContext) => {
        await sleep(1);
        told.push(
          context,
          results?.map(({ tenant }) => tenant),
        );
      },
    });
    const about = { command: 'migrate', direction: 'up', run: report.run };
    expect(report.run).toEqual(expect.any(Number));
    const [before, had, ...rest] = told;
    expect([before, had]).toEqual([{ ...about, shared: [], tenants: 3 }, [false, false, false]]);
    const commits = TENANTS.map((tenant) => [{ ...about, tenant, migrations: ['0002_tasks'] }, true]);
    expect(rest.slice(0, 3)).toEqual(expect.arrayContaining(commits));
    const tenants = { total: 3, applied: 3, upToDate: 0, failed: 0, notExecuted: 0, missing: 0 };
    expect(rest.slice(3)).toEqual([{ ...about, exitCode: 0, tenants }, TENANTS]);
    expect(report).not.toHaveProperty('hookFailures');
  });

  it('before it: an error ends the run, nothing is changed, and no hook follows', async () => {
    const called: string[] = [];
    const run = migrate({
      beforeRun: () => {
        throw new Error('the maintenance page cannot be shown');
      },
      afterCommit: ({ tenant }: AfterCommitContext) => void called.push(tenant),
      afterRun: () => void called.push('end'),
    });
    await expect(run).rejects.toMatchObject({
      code: 'HOOK_FAILED',
      exitCode: 1,
      message: 'The hook beforeRun failed: the maintenance page cannot be shown',
    });
    expect(called).toEqual([]);
    expect(await haveTasks()).toEqual([false, false, false]);
  });

  it('after it: an error undoes nothing, is reported and recorded, and the exit code is 1', async () => {
    const report = await migrate({
      afterCommit: ({ tenant }: AfterCommitContext) => {
        if (tenant === 'acme') throw new Error('no search index');
      },
      afterRun: ({ exitCode }: AfterRunContext) => {
        throw new Error(`the channel is closed, exit code ${exitCode}`);
      },
    });
    expect(report.tenants).toMatchObject({ applied: 3, failed: 0 });
    expect(exitCodeOf(report)).toBe(1);
    expect(report.hookFailures).toMatchObject([
      { hook: 'afterCommit', tenant: 'acme', error: { code: 'HOOK_FAILED' } },
      { hook: 'afterRun', error: { message: 'The hook afterRun failed: the channel is closed, exit code 1' } },
    ]);
    expect(report.warnings.join('\n')).toMatch(/Tenant "acme": The hook afterCommit failed: no search index/);
    expect(await haveTasks()).toEqual([true, true, true]);
    const { rows } = await database.query('SELECT exit_code FROM tenants_journal.runs ORDER BY id DESC LIMIT 1');
    expect(rows).toEqual([{ exit_code: 1 }]);
  });

  it('know of tenants that fail, of a rollback, and nothing of --fake', async () => {
    await database.query('CREATE TABLE "select".tasks (id int)');
    const told: unknown[] = [];
    const hooks = {
      beforeRun: ({ command, tenants }: BeforeRunContext) => void told.push([command, tenants]),
      afterCommit: ({ tenant, direction }: AfterCommitContext) => void told.push([tenant, direction]),
      afterRun: ({ exitCode, tenants }: AfterRunContext) => void told.push([exitCode, tenants?.['rolledBack']]),
    };
    await migrate(hooks);
    expect(told).toEqual([
      ['migrate', 3],
      ['acme', 'up'],
      ['big "Corp"', 'up'],
      [1, undefined],
    ]);
    told.length = 0;
    const undo = { selection: { kind: 'tenants', names: ['acme'] } } as const;
    await rollback(await fleet.project({ hooks }), undo);
    expect(told).toEqual([
      ['rollback', 1],
      ['acme', 'down'],
      [0, 1],
    ]);
    told.length = 0;
    await fleet.migrate({ fake: true }, { hooks, canary: 0 });
    expect(told).toEqual([]);
  });

  it.each(['multiprocessing', 'worker-threads'])('are called in this process with %s', async (executor) => {
    const called: string[] = [];
    const report = await migrate(
      { afterCommit: ({ tenant }: AfterCommitContext) => void called.push(tenant) },
      { executor, maxProcesses: 1 },
    );
    expect(report.tenants).toMatchObject({ applied: 3 });
    expect(called.toSorted()).toEqual(TENANTS.toSorted());
    expect(report).not.toHaveProperty('hookFailures');
  });
});
