import { setTimeout as sleep } from 'node:timers/promises';

import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createTestDatabase, type TestDatabase, useDatabase } from '../support/database.js';
import { askServer } from '../support/embedded.js';
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { type RestartableServer, startRestartableServer, type StopMode } from '../support/restartable-server.js';
import { listen, shut } from './ask.js';
import { projectNames, type Site, until } from './fixture.js';
import { application, assertIdle, assertVisits, createVisitedSite, noVisits, type Tally, visit } from './visitors.js';

/** Requests that each measurement has to serve; `TENANTS_LOAD=25000` is the long form. */
const REQUESTS = Number(process.env['TENANTS_LOAD'] ?? 1000);
const TIMEOUT = 60_000 + REQUESTS * 20;

if (!hasPgBouncer) console.warn('PgBouncer is not installed (apt-get install pgbouncer): its load test is SKIPPED.');

function report(label: string, tally: Tally): void {
  if (process.env['TENANTS_LOAD'] === undefined) return;
  console.log(`${label}: ${JSON.stringify({ ...tally, wrong: tally.wrong.length })}`);
}

describe('under load', () => {
  const database = useDatabase({ name: 'load' });
  let site: Site;

  beforeAll(async () => {
    site = await createVisitedSite(database);
  }, 120_000);

  afterAll(() => site.close());

  async function peace(label: string, pool: Pool): Promise<void> {
    const server = application(site.tenancy({ pool }));
    const port = await listen(server);
    const tally = noVisits();
    await visit(port, REQUESTS, false, tally);
    await shut(server);
    report(label, tally);
    expect(tally).toEqual({ ...noVisits(), right: tally.right });
    expect(tally.right).toBeGreaterThanOrEqual(REQUESTS);
    await assertVisits(database, tally.right);
    await assertIdle(pool);
  }

  it('every answer is that of the right tenant', () => peace('directly', site.pool({ max: 8 })), TIMEOUT);

  describe.skipIf(!hasPgBouncer)('through PgBouncer in transaction mode', () => {
    let bouncer: PgBouncer;
    const pool = (): Pool => site.pool({ connectionString: bouncer.url, max: 30 });

    beforeAll(async () => {
      bouncer = await startPgBouncer(database.config, { size: 5 });
    });

    afterAll(() => bouncer.stop());

    it('every answer is that of the right tenant', () => peace('through PgBouncer', pool()), TIMEOUT);

    it('says that changes cannot be heard, and refuses what needs a session', async () => {
      const warnings: string[] = [];
      const tenancy = site.tenancy({ pool: pool(), logger: { warn: (_, message) => warnings.push(message) } });
      await expect(tenancy.withTenant('client_0', projectNames, { transaction: false })).rejects.toMatchObject({
        code: 'UNSAFE_POOLER',
      });
      await expect.poll(() => warnings).toEqual([expect.stringContaining('pooler')]);
      expect(tenancy.listening).toBe(false);
      const direct = site.tenancy({ pool: pool(), listen: database.url });
      await direct.resolve('nobody.example.com');
      await expect.poll(() => direct.listening).toBe(true);
    });
  });
});

describe('under load, while clients hang up, handlers throw and servers restart', () => {
  let postgres: RestartableServer;
  let database: TestDatabase;
  let site: Site;

  beforeAll(async () => {
    postgres = await startRestartableServer();
    database = await createTestDatabase({ name: 'restarts', server: postgres.url });
    site = await createVisitedSite(database);
  }, 180_000);

  afterAll(async () => {
    await site.close();
    await database.drop();
    await postgres.close();
  }, 60_000);

  /** PostgreSQL itself goes down and comes up again, each time in the other mode. */
  async function restart(round: number): Promise<void> {
    const mode: StopMode = round % 2 === 0 ? 'fast' : 'immediate';
    await postgres.stop(mode);
    await sleep(100);
    await postgres.start();
  }

  async function chaos(label: string, pool: Pool, disturb: (round: number) => Promise<void>): Promise<void> {
    const open = (): ReturnType<typeof application> => application(site.tenancy({ pool, cache: { ttl: 500 } }));
    let server = open();
    const port = await listen(server);
    const tally = noVisits();
    const served = async (count: number): Promise<void> => {
      while (tally.right < Math.min(count, REQUESTS)) await sleep(10);
    };
    const rounds = Math.max(4, Math.floor(REQUESTS / 2500));
    const disturbance = (async () => {
      for (let round = 1; round <= rounds; round += 1) {
        await served((REQUESTS * round) / (rounds + 1));
        const before = tally.unserved;
        await disturb(round);
        expect(tally.unserved, `nobody noticed restart ${round}`).toBeGreaterThan(before);
        await served(tally.right + 20);
        await shut(server);
        server = open();
        await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      }
    })();
    await Promise.all([visit(port, REQUESTS, true, tally), disturbance]);
    await shut(server);
    report(`${label}, ${rounds} restarts of each server`, tally);
    expect(tally.wrong).toEqual([]);
    expect(tally.planned).toBeGreaterThan(0);
    expect(tally.dropped).toBeGreaterThan(0);
    expect(tally.right).toBeGreaterThanOrEqual(REQUESTS);
    await assertVisits(database, tally.right);
    await assertIdle(pool);
  }

  it('every answer is that of the right tenant', () => chaos('directly', site.pool({ max: 8 }), restart), TIMEOUT);

  it.each(['fast', 'immediate'] as const)(
    'a tenant is known while the server is down (%s), and not any longer when it was deleted meanwhile',
    async (mode) => {
      const host = `${mode}.example.com`;
      const query = (sql: string): Promise<unknown> => askServer(database.url, sql);
      await query(`INSERT INTO tenants (schema_name) VALUES ('${mode}')`);
      await query(`INSERT INTO domains (domain, tenant_id) SELECT '${host}', max(id) FROM tenants`);
      const tenancy = site.tenancy({ cache: { ttl: 600_000 } });
      await tenancy.resolve(host);
      await until(() => tenancy.listening);
      expect(await tenancy.resolve(host)).toMatchObject({ schemaName: mode });
      await postgres.stop(mode);
      try {
        await until(() => !tenancy.listening);
        expect(await tenancy.resolve(host)).toMatchObject({ schemaName: mode });
        // A connection of the pool may not have heard yet that its server is gone.
        await expect
          .poll(() => tenancy.resolve('other.example.com').catch((error: unknown) => error))
          .toMatchObject({ code: 'ECONNREFUSED' });
      } finally {
        await postgres.start();
      }
      await query(`DELETE FROM tenants WHERE schema_name = '${mode}'`);
      await until(() => tenancy.listening);
      // Heard, or missed and thought of when the connection was back.
      await until(async () => (await tenancy.resolve(host)) === null, 2000);
    },
  );

  describe.skipIf(!hasPgBouncer)('through PgBouncer in transaction mode', () => {
    let bouncer: PgBouncer;

    beforeAll(async () => {
      bouncer = await startPgBouncer(database.config, { size: 5 });
    });

    afterAll(() => bouncer.stop());

    it(
      'every answer is that of the right tenant, also when the pooler restarts',
      () =>
        chaos('through PgBouncer', site.pool({ connectionString: bouncer.url, max: 30 }), async (round) => {
          await restart(round);
          await sleep(300);
          await bouncer.restart();
        }),
      TIMEOUT,
    );
  });
});
