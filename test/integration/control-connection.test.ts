import { afterAll, beforeAll, expect, it } from 'vitest';

import type { FleetEvent } from '../../src/fleet/types.js';
import { exitCodeOf } from '../../src/run/report.js';
import { withFleetLock } from '../../src/session/control-session.js';
import { ensureBuilt } from '../support/build.js';
import { type TestFleet, useFleet } from '../support/fleet.js';
import { openProxy, type Proxy } from '../support/proxy.js';
import { runCli } from '../support/run-cli.js';

const fleet: TestFleet = useFleet({ tenants: ['t1', 't2', 't3', 't4', 't5', 't6', 't7', 't8'] });
let proxy: Proxy;

beforeAll(async () => {
  proxy = await openProxy(fleet.database);
});
afterAll(async () => {
  await proxy?.close();
});

it('answers many at once in their order, each of them after the one before', async () => {
  proxy.setLatency(200);
  try {
    const { database } = await fleet.project({ database: proxy.config });
    const project = await fleet.project({ database });
    const lock = { drain: new AbortController().signal, onEvent: () => {} };
    const answers = await withFleetLock(project, 'test', lock, async ({ client }) => {
      const queries = [1, 2, 3, 4].map((number) => client.query<{ number: number }>(`SELECT ${number} AS number`));
      const failing = client.query('SELECT 1 / 0').catch(() => 'failed');
      const after = client.query<{ number: number }>('SELECT 5 AS number');
      return [...(await Promise.all(queries)).map(({ rows }) => rows[0]?.number), await failing, (await after).rows[0]];
    });
    expect(answers).toEqual([1, 2, 3, 4, 'failed', { number: 5 }]);
  } finally {
    proxy.setLatency(0);
  }
}, 60_000);

it('does not make Node.js warn of queries that are put behind others', async () => {
  await ensureBuilt();
  await fleet.tenantMigration('0002_slow.sql', 'CREATE TABLE slow (id int); SELECT pg_sleep(1);');
  proxy.setLatency(300);
  try {
    const env = { DATABASE_URL: proxy.url };
    // A process of its own: the warning is printed once in the life of a process.
    const { code, stderr } = await runCli(['migrate', '--concurrency', '2', '--canary', '0'], {
      cwd: fleet.files.root,
      env,
    });
    expect(code).toBe(0);
    expect(stderr).not.toContain('Warning');
  } finally {
    proxy.setLatency(0);
  }
}, 60_000);

it('that is swallowed by the network is replaced, and the run goes on', async () => {
  await fleet.tenantMigration('0003_slow.sql', 'CREATE TABLE slower (id int); SELECT pg_sleep(3);');
  const events: FleetEvent[] = [];
  let swallowed = 0;
  const report = await fleet.migrate(
    {
      onEvent: (event) => {
        events.push(event);
        if (event.type !== 'tenant:done' || swallowed > 0) return;
        // The control connections that are opened later are not swallowed.
        proxy.hold((application, number) => {
          if (application !== 'tenants: migrate') return false;
          if (swallowed === 0) swallowed = number;
          return number === swallowed;
        });
      },
    },
    { database: proxy.config, concurrency: 1, canary: 0, restartWaitMs: 5000 },
  );
  proxy.release();
  expect(swallowed).toBeGreaterThan(0);
  expect(report.tenants).toMatchObject({ applied: 8, failed: 0, notExecuted: 0 });
  expect(report.overtaken).toBe(false);
  expect(exitCodeOf(report)).toBe(0);
  expect(events).toContainEqual({
    type: 'warning',
    message: expect.stringContaining('control connection broke') as string,
  });
}, 90_000);
