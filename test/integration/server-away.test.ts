import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { exitCodeOf } from '../../src/run/report.js';
import { ensureBuilt } from '../support/build.js';
import { createFleet, type FleetDatabase, type TestFleet } from '../support/fleet.js';
import { type RestartableServer, startRestartableServer } from '../support/restartable-server.js';

let server: RestartableServer;
let fleet: TestFleet<FleetDatabase>;

beforeAll(async () => {
  await ensureBuilt();
  server = await startRestartableServer();
  fleet = await createFleet(await server.createDatabase('away'));
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create(...Array.from({ length: 12 }, (_, index) => `t${index}`));
}, 120_000);
afterAll(async () => {
  await fleet?.remove();
  await server?.close();
});

it.each([
  ['standard', '0002'],
  ['multiprocessing', '0003'],
])(
  'a server that is away for some seconds is waited for: %s',
  async (executor, number) => {
    await fleet.tenantMigration(
      `${number}_${executor}.sql`,
      `CREATE TABLE ${executor} (id int);\nSELECT pg_sleep(0.2);`,
    );
    let away: Promise<void> | undefined;
    const report = await fleet.migrate(
      {
        onEvent: (event) => {
          if (event.type !== 'tenant:done') return;
          away ??= server
            .stop('fast')
            .then(() => sleep(2000))
            .then(() => server.start());
        },
      },
      { executor, canary: 0, concurrency: 2 },
    );
    await away;
    expect(report.tenants).toMatchObject({ applied: 12, failed: 0, notExecuted: 0 });
    expect(exitCodeOf(report)).toBe(0);
    expect(report.results.flatMap((result) => result.attempts ?? []).length).toBeGreaterThan(0);
    expect((await fleet.migrate()).tenants).toMatchObject({ upToDate: 12 });
  },
  90_000,
);
