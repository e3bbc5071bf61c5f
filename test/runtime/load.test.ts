import { Agent, createServer, request, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import express from 'express';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { tenantMiddleware } from '../../src/runtime/express.js';
import type { Tenancy } from '../../src/runtime/index.js';
import { urlOfDatabase, withAdmin } from '../support/admin.js';
import { useDatabase } from '../support/database.js';
import { ask, listen, shut } from './ask.js';
import { createSite, projectNames, type Site } from './fixture.js';
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.js';

/** Requests of each measurement; `TENANTS_LOAD=100000` is the long form. */
const REQUESTS = Number(process.env['TENANTS_LOAD'] ?? 1000);
const TENANTS = 36;
const PARALLEL = 40;
const TIMEOUT = 60_000 + REQUESTS * 20;

const database = useDatabase({ name: 'load' });
const names = Array.from({ length: TENANTS }, (_, index) => `client_${index}`);
let site: Site;

beforeAll(async () => {
  site = await createSite(database);
  for (const name of names) {
    await site.add(name, hostOf(name));
    await database.query(`CREATE TABLE ${name}.visits (name text)`);
  }
}, 120_000);

afterAll(() => site.close());

function hostOf(name: string): string {
  return `${name.replace('_', '-')}.example.com`;
}

function application(tenancy: Tenancy): Server {
  const app = express();
  app.use(tenantMiddleware(tenancy));
  app.use(express.json());
  const visit = async (name: string, fail: boolean): Promise<object> =>
    await tenancy.withTenant(name, async (client) => {
      const before = tenancy.currentTenant()?.schemaName;
      await client.query('INSERT INTO visits (name) VALUES ($1)', [fail ? 'rolled back' : name]);
      if (Math.random() < 0.1) await sleep(1);
      const projects = await projectNames(client);
      if (fail) throw new Error('The handler throws.');
      return { before, projects, after: tenancy.currentTenant()?.schemaName };
    });
  app.get('/', async (req, res) => void res.json(await visit(req.tenant.schemaName, false)));
  app.post('/', async (req, res) => void res.json(await visit(req.tenant.schemaName, false)));
  app.get('/fail', async (req, res) => void res.json(await visit(req.tenant.schemaName, true)));
  app.use((_error: unknown, _req: unknown, res: express.Response, _next: unknown) => void res.status(500).end('error'));
  return createServer(app);
}

type Tally = { right: number; failed: number; dropped: number; wrong: string[] };

const none = (): Tally => ({ right: 0, failed: 0, dropped: 0, wrong: [] });

/** Sends requests for all tenants, `PARALLEL` at a time, until `count` were served, and looks at every answer. */
async function load(port: number, count: number, chaos: boolean, tally: Tally = none()): Promise<Tally> {
  const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
  const one = async (number: number): Promise<void> => {
    const name = names[Math.floor(Math.random() * TENANTS)] ?? '';
    if (chaos && number % 10 === 0) {
      await hangUp(port, hostOf(name));
      tally.dropped += 1;
      return;
    }
    const path = chaos && number % 7 === 0 ? '/fail' : '/';
    const post = number % 3 === 0 && path === '/';
    const question = post ? { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } } : {};
    const answer = await ask(port, hostOf(name), path, { ...question, agent }).catch(() => undefined);
    if (answer === undefined) tally.dropped += 1;
    else if (answer.status === 500) tally.failed += 1;
    if (answer === undefined || answer.status === 500) await sleep(10);
    else if (answer.status === 200 && answer.body === JSON.stringify({ before: name, projects: [name], after: name }))
      tally.right += 1;
    else tally.wrong.push(`${name}: ${answer.status} ${answer.body}`);
  };
  let sent = 0;
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      while (tally.right + tally.wrong.length < count) await one((sent += 1));
    }),
  );
  agent.destroy();
  return tally;
}

/** A client that goes away before it has an answer. */
async function hangUp(port: number, host: string): Promise<void> {
  const sent = request({ host: '127.0.0.1', port, headers: { host }, agent: false });
  sent.on('error', () => undefined);
  sent.end();
  await sleep(Math.random() * 5);
  sent.destroy();
}

/** Every row that was written stands with the tenant that wrote it. */
async function assertVisits(least: number): Promise<void> {
  let total = 0;
  // On a connection of its own: those of before may have been ended.
  await withAdmin(database.url, async (client) => {
    for (const name of names) {
      const { rows } = await client.query<{ name: string; n: number }>(
        `SELECT name, count(*)::int AS n FROM ${name}.visits GROUP BY name`,
      );
      expect(rows.map((row) => row.name).filter((found) => found !== name)).toEqual([]);
      total += rows[0]?.n ?? 0;
      await client.query(`TRUNCATE ${name}.visits`);
    }
  });
  expect(total).toBeGreaterThanOrEqual(least);
}

async function assertClean(pool: Pool): Promise<void> {
  // Works whose client went away may still be under way.
  await expect.poll(() => pool.totalCount - pool.idleCount, { timeout: 10_000 }).toBe(0);
  const { rows } = await pool.query<{ search_path: string }>('SHOW search_path');
  expect(rows).toEqual([{ search_path: '"$user", public' }]);
}

/** Ends all connections to the database and lets nobody in for a while, as a restart does. */
async function restartDatabase(): Promise<void> {
  await withAdmin(urlOfDatabase(inject('adminUrl'), 'postgres'), async (client) => {
    await client.query(`ALTER DATABASE "${database.name}" ALLOW_CONNECTIONS false`);
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database.name]);
    await sleep(100);
    await client.query(`ALTER DATABASE "${database.name}" ALLOW_CONNECTIONS true`);
  });
}

async function peace(pool: Pool): Promise<void> {
  const tenancy = site.tenancy({ pool });
  const server = application(tenancy);
  const port = await listen(server);
  const tally = await load(port, REQUESTS, false);
  await shut(server);
  expect(tally).toEqual({ right: tally.right, failed: 0, dropped: 0, wrong: [] });
  expect(tally.right).toBeGreaterThanOrEqual(REQUESTS);
  await assertVisits(tally.right);
  await assertClean(pool);
}

async function chaos(pool: Pool, disturb: () => Promise<void>): Promise<void> {
  let server = application(site.tenancy({ pool, cache: { ttl: 500 } }));
  const port = await listen(server);
  const tally = none();
  const served = async (number: number): Promise<void> => {
    while (tally.right < Math.min(number, REQUESTS)) await sleep(10);
  };
  const disturbance = (async () => {
    const rounds = Math.max(3, Math.floor(REQUESTS / 5000));
    for (let round = 1; round <= rounds; round += 1) {
      await served((REQUESTS * round) / (rounds + 1));
      await disturb();
      await served(tally.right + 20);
      await shut(server);
      server = application(site.tenancy({ pool, cache: { ttl: 500 } }));
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    }
  })();
  await load(port, REQUESTS, true, tally);
  await disturbance;
  await shut(server);
  expect(tally.wrong).toEqual([]);
  expect(tally.failed).toBeGreaterThan(0);
  expect(tally.dropped).toBeGreaterThan(0);
  expect(tally.right).toBeGreaterThanOrEqual(REQUESTS);
  await assertVisits(tally.right);
  await assertClean(pool);
}

describe('under load, directly', () => {
  it('every answer is that of the right tenant', () => peace(site.pool({ max: 8 })), TIMEOUT);

  it(
    'even while clients hang up, handlers throw, and both servers restart',
    () => chaos(site.pool({ max: 8 }), restartDatabase),
    TIMEOUT,
  );
});

if (!hasPgBouncer) console.warn('PgBouncer is not installed (apt-get install pgbouncer): its load test is SKIPPED.');

describe.skipIf(!hasPgBouncer)('under load, through PgBouncer in transaction mode', () => {
  let bouncer: PgBouncer;
  const pool = (): Pool => site.pool({ connectionString: bouncer.url, max: 30 });

  beforeAll(async () => {
    bouncer = await startPgBouncer(database.config, { size: 5 });
  });

  afterAll(() => bouncer.stop());

  it('every answer is that of the right tenant', () => peace(pool()), TIMEOUT);

  it(
    'even while clients hang up, handlers throw, and both servers and the pooler restart',
    () =>
      chaos(pool(), async () => {
        await bouncer.restart();
        await sleep(300);
        await restartDatabase();
      }),
    TIMEOUT,
  );

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
