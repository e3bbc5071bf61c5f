import { describe, expect, it } from 'vitest';

import type { MigrateHook, MigrateHookContext } from '../../src/project/hook-types.js';
import { exitCodeOf } from '../../src/run/report.js';
import type { MigrateReport } from '../../src/run/types.js';
import { openProxy } from '../support/proxy.js';
import { ONE_LANE, onlyAcme, TENANTS, useHookFleet } from './hook-fleet.js';

const hooked = useHookFleet();

async function expectOnlyAcmeFailed(report: MigrateReport, error: object): Promise<void> {
  expect(report.tenants).toMatchObject({ applied: 2, failed: 1, notExecuted: 0 });
  expect(exitCodeOf(report)).toBe(1);
  const { error: found, ...result } = report.results.find(({ tenant }) => tenant === 'acme') as never as {
    error: object;
  };
  expect(result).toEqual({ tenant: 'acme', status: 'failed', committed: [] });
  expect(found).toMatchObject({ code: 'HOOK_FAILED', tenant: 'acme', ...error });
  expect(await hooked.fleet.tables('acme')).toEqual(['pgmigrations', 'projects']);
  expect(await hooked.fleet.applied('acme')).toEqual(['0001_projects']);
  expect(await hooked.fleet.tables('select')).toContain('tasks');
}

describe('a failing hook fails the tenant and nobody else', () => {
  it('by throwing', async () => {
    const afterMigrate = onlyAcme(async (client) => {
      await client.query(`INSERT INTO audit VALUES ('acme', 'lost')`);
      throw new Error('the bucket is full');
    });
    await expectOnlyAcmeFailed(await hooked.migrate({ afterMigrate }), {
      hook: 'afterMigrate',
      message: 'The hook afterMigrate failed: the bucket is full',
    });
    expect(await hooked.audit()).toEqual([]);
  });

  it('by SQL that fails, which is named', async () => {
    const beforeMigrate = onlyAcme((client) => client.query('SELECT 1/0 AS x'));
    await expectOnlyAcmeFailed(await hooked.migrate({ beforeMigrate }), {
      hook: 'beforeMigrate',
      sqlstate: '22012',
      statement: 'SELECT 1/0 AS x',
      message: 'The hook beforeMigrate failed: division by zero',
      cause: { code: 'DATABASE_ERROR' },
    });
  });

  it('by SQL that fails and is not waited for', async () => {
    const beforeMigrate = onlyAcme((client) => void client.query('SELECT 1/0'));
    await expectOnlyAcmeFailed(await hooked.migrate({ beforeMigrate }), { sqlstate: '22012' });
  });

  it.each(['beforeMigrate', 'afterMigrate'] as const)('by going on after an error in %s', async (name) => {
    const hook = onlyAcme(async (client) => {
      await client.query('SELECT 1/0').catch(() => undefined);
    });
    await expectOnlyAcmeFailed(await hooked.migrate({ [name]: hook }), {
      hook: name,
      sqlstate: '22012',
      message: `The hook ${name} continued after an error that had aborted the transaction: division by zero`,
    });
  });

  it.each(['COMMIT', 'rollback', 'BEGIN; SELECT 1; COMMIT', 'SELECT 1; END', 'SET TRANSACTION READ ONLY'])(
    'by an attempt at %s',
    async (sql) => {
      const afterMigrate = onlyAcme((client) => client.query(sql));
      await expectOnlyAcmeFailed(await hooked.migrate({ afterMigrate }), {
        message: expect.stringContaining('must not reach the transaction of a tenant') as string,
        cause: expect.objectContaining({ code: 'USAGE', statement: sql }) as object,
      });
    },
  );

  it('by changing the definition of what all share', async () => {
    const afterMigrate = onlyAcme((client) => client.query('ALTER TABLE audit ADD COLUMN more text'));
    await expectOnlyAcmeFailed(await hooked.migrate({ afterMigrate }), {
      message: expect.stringContaining('public.audit outside the schema "acme"') as string,
    });
    const report = await hooked.migrate({ afterMigrate }, { fallThrough: 'warn' });
    expect(report.tenants).toMatchObject({ applied: 1, failed: 0 });
    expect(report.results[0]?.warnings).toEqual([expect.stringContaining('public.audit')]);
  });

  it('by sending a cursor, or what else is no plain query', async () => {
    const afterMigrate = onlyAcme((client) =>
      client.query(
        new (class {
          text = 'SELECT 1';
        })() as never,
      ),
    );
    await expectOnlyAcmeFailed(await hooked.migrate({ afterMigrate }), {
      message: expect.stringContaining('neither a text nor a plain object') as string,
    });
  });

  it('by a statement that takes too long', async () => {
    const afterMigrate = onlyAcme((client) => client.query('SELECT pg_sleep(20)'));
    await expectOnlyAcmeFailed(await hooked.migrate({ afterMigrate }, { statementTimeoutMs: 200 }), {
      sqlstate: '57014',
    });
  });

  it('and a canary that fails keeps the others from being tried', async () => {
    const afterMigrate = (): never => {
      throw new Error('no');
    };
    const report = await hooked.fleet.migrate({}, { hooks: { afterMigrate } });
    expect(report.tenants).toMatchObject({ failed: 1, notExecuted: 2 });
  });

  it('while a part of it may fail behind a savepoint', async () => {
    const afterMigrate = onlyAcme(async (client) => {
      await client.query('SAVEPOINT a');
      await client.query('SELECT 1/0').catch(() => undefined);
      await client.query('ROLLBACK TO SAVEPOINT a');
      await client.query(`INSERT INTO audit VALUES ('acme', 'kept')`);
    });
    expect((await hooked.migrate({ afterMigrate })).tenants).toMatchObject({ applied: 3 });
    expect(await hooked.audit()).toEqual(['acme: kept']);
  });
});

describe('when the database fails', () => {
  it.each([
    ['the query of a hook', 'marker', false],
    ['the COMMIT', 'COMMIT', false],
    ['the answer to the COMMIT', 'COMMIT', true],
  ])('a connection that breaks at %s is tried again, hook and all', async (_, text, deliver) => {
    const proxy = await openProxy(hooked.database);
    try {
      const calls: string[] = [];
      const afterMigrate: MigrateHook = async ({ tenant, client }) => {
        calls.push(tenant);
        await client?.query(`INSERT INTO audit VALUES ($1, 'marker')`, [tenant]);
      };
      let armed = true;
      proxy.cut({
        deliver,
        when: (frame) => armed && calls.length === 1 && frame.bytes.includes(text) && !(armed = false),
      });
      const report = await hooked.migrate({ afterMigrate }, { database: proxy.config });
      expect(armed).toBe(false);
      expect(report.tenants).toMatchObject({ applied: 3, failed: 0 });
      // One that was committed is not done again.
      expect(calls).toEqual(deliver ? TENANTS : ['acme', ...TENANTS]);
      expect(await hooked.audit()).toEqual(['acme: marker', 'big "Corp": marker', 'select: marker']);
    } finally {
      await proxy.close();
    }
  });

  it('a transient error of the transaction is tried again, also when the hook hides it', async () => {
    let calls = 0;
    const afterMigrate = onlyAcme(async (client) => {
      calls += 1;
      if (calls > 2) return;
      const raise = client.query(`DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$`);
      if (calls === 1) await raise;
      else await raise.catch(() => undefined);
    });
    const report = await hooked.migrate({ afterMigrate });
    expect(report.results.find(({ tenant }) => tenant === 'acme')).toMatchObject({
      status: 'applied',
      attempts: [{ sqlstate: '40P01', count: 2 }],
    });
  });

  it('an error of another system that looks like one is not', async () => {
    let calls = 0;
    const afterMigrate = onlyAcme(() => {
      calls += 1;
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    });
    await expectOnlyAcmeFailed(await hooked.migrate({ afterMigrate }), {
      message: expect.stringContaining('ECONN') as string,
    });
    expect(calls).toBe(1);
  });
});

describe('a hook that never returns', () => {
  it.each([
    ['at rest', (): Promise<unknown> => Promise.resolve()],
    ['after a query', (client: MigrateHookContext['client']) => client?.query('SELECT 1') ?? Promise.resolve()],
  ])('%s is given up when the run is canceled', async (_, first) => {
    const [drain, cancel] = [new AbortController(), new AbortController()];
    let running = (): void => {};
    const begun = new Promise<void>((resolve) => (running = resolve));
    const beforeMigrate: MigrateHook = async ({ client }) => {
      await first(client);
      running();
      await new Promise(() => {});
    };
    const run = hooked.fleet.migrate(
      { drain: drain.signal, cancel: cancel.signal },
      { ...ONE_LANE, hooks: { beforeMigrate } },
    );
    await begun;
    drain.abort();
    cancel.abort();
    const report = await run;
    expect(report.tenants).toMatchObject({ applied: 0, failed: 0, notExecuted: 3 });
    expect(report.durationMs).toBeLessThan(10_000);
    expect(await hooked.fleet.tables('acme')).toEqual(['pgmigrations', 'projects']);
  });

  it('in the middle of a query is canceled with it', async () => {
    const cancel = new AbortController();
    const beforeMigrate: MigrateHook = async ({ client }) => {
      setTimeout(() => cancel.abort(), 200);
      await client?.query('SELECT pg_sleep(60)');
    };
    const report = await hooked.fleet.migrate({ cancel: cancel.signal }, { ...ONE_LANE, hooks: { beforeMigrate } });
    expect(report.tenants).toMatchObject({ applied: 0, failed: 0, notExecuted: 3 });
    expect(report.durationMs).toBeLessThan(10_000);
  });
});
