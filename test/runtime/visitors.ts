import { Agent, createServer, request, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import express from 'express';
import type { Pool } from 'pg';
import { expect } from 'vitest';

import { isConnectionError } from '../../src/db/sqlstates.js';
import { tenantMiddleware } from '../../src/runtime/express.js';
import type { Tenancy } from '../../src/runtime/index.js';
import { withAdmin } from '../support/admin.js';
import type { TestDatabase } from '../support/database.js';
import { ask } from './ask.js';
import { createSite, projectNames, type Site } from './fixture.js';

const TENANTS = 36;
const PARALLEL = 40;

const names = Array.from({ length: TENANTS }, (_, index) => `client_${index}`);

/** A site of three dozen tenants, each of which writes down who visits it. */
export async function createVisitedSite(database: TestDatabase): Promise<Site> {
  const site = await createSite(database);
  for (const name of names) {
    await site.add(name, hostOf(name));
    await database.query(`CREATE TABLE ${name}.visits (name text)`);
  }
  return site;
}

function hostOf(name: string): string {
  return `${name.replace('_', '-')}.example.com`;
}

const PLANNED = 'The handler throws.';

/** An application whose answers say in whose tables its statements were; `/fail` throws when it has written. */
export function application(tenancy: Tenancy): Server {
  const app = express();
  app.use(tenantMiddleware(tenancy));
  app.use(express.json());
  const visit = async (name: string, fail: boolean): Promise<object> =>
    await tenancy.withTenant(name, async (client) => {
      const before = tenancy.currentTenant()?.schemaName;
      await client.query('INSERT INTO visits (name) VALUES ($1)', [fail ? 'rolled back' : name]);
      if (Math.random() < 0.1) await sleep(1);
      const projects = await projectNames(client);
      if (fail) throw new Error(PLANNED);
      return { before, projects, after: tenancy.currentTenant()?.schemaName };
    });
  app.get('/', async (req, res) => void res.json(await visit(req.tenant.schemaName, false)));
  app.post('/', async (req, res) => void res.json(await visit(req.tenant.schemaName, false)));
  app.get('/fail', async (req, res) => void res.json(await visit(req.tenant.schemaName, true)));
  app.use((error: Error, _req: unknown, res: express.Response, _next: unknown) => {
    const expected = error.message === PLANNED || isConnectionError(error);
    res.status(expected ? 503 : 500).end(error.message === PLANNED ? PLANNED : String(error.stack));
  });
  return createServer(app);
}

/** What became of the requests. */
export type Tally = {
  right: number;
  /** The handler threw, as it was told to. */
  planned: number;
  /** The database was not there. */
  unserved: number;
  /** The connection of the client ended without an answer, by either side. */
  dropped: number;
  /** Another tenant's rows, or an error that nobody expects. */
  wrong: string[];
};

export const noVisits = (): Tally => ({ right: 0, planned: 0, unserved: 0, dropped: 0, wrong: [] });

/**
 * Sends requests for all tenants, 40 at a time, until `count` were served, and looks at every answer.
 *
 * @param rough some clients hang up, and some requests are for the handler that throws
 */
export async function visit(port: number, count: number, rough: boolean, tally: Tally): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
  const one = async (number: number): Promise<void> => {
    const name = names[Math.floor(Math.random() * TENANTS)] ?? '';
    if (rough && number % 10 === 0) {
      await hangUp(port, hostOf(name));
      tally.dropped += 1;
      return;
    }
    const path = rough && number % 7 === 0 ? '/fail' : '/';
    const post = number % 3 === 0 && path === '/';
    const question = post ? { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } } : {};
    const answer = await ask(port, hostOf(name), path, { ...question, agent }).catch(() => undefined);
    if (answer === undefined) tally.dropped += 1;
    else if (answer.status === 503 && path === '/fail' && answer.body === PLANNED) tally.planned += 1;
    else if (answer.status === 503 && answer.body !== PLANNED) tally.unserved += 1;
    else if (isRight(name, path, answer)) tally.right += 1;
    else tally.wrong.push(`${name}${path}: ${answer.status} ${answer.body}`);
    if (answer?.status !== 200) await sleep(10);
  };
  let sent = 0;
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      while (tally.right + tally.wrong.length < count) await one((sent += 1));
    }),
  );
  agent.destroy();
}

function isRight(name: string, path: string, { status, body }: { status: number; body: string }): boolean {
  return path === '/' && status === 200 && body === JSON.stringify({ before: name, projects: [name], after: name });
}

/** A client that goes away before it has an answer. */
async function hangUp(port: number, host: string): Promise<void> {
  const sent = request({ host: '127.0.0.1', port, headers: { host }, agent: false });
  sent.on('error', () => undefined);
  sent.end();
  await sleep(Math.random() * 5);
  sent.destroy();
}

/** Every row that was written stands with the tenant that wrote it, and no visit that was answered is missing. */
export async function assertVisits({ url }: TestDatabase, least: number): Promise<void> {
  let total = 0;
  // On a connection of its own: those of before may have been ended.
  await withAdmin(url, async (client) => {
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

/** Every client has been given back, with the search path that it came with. */
export async function assertIdle(pool: Pool): Promise<void> {
  // Works whose client went away may still be under way.
  await expect.poll(() => pool.totalCount - pool.idleCount, { timeout: 10_000 }).toBe(0);
  const { rows } = await pool.query<{ search_path: string }>('SHOW search_path');
  expect(rows).toEqual([{ search_path: '"$user", public' }]);
}
