import { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createTenancy, type Tenancy } from '../../src/runtime/index.js';
import { useDatabase } from '../support/database.js';
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { createRowSite, type RowSite, TYPES } from './row-site.js';

/** `TENANTS_ROWS_REQUESTS=1000000` is the long form, over 200 tenants. */
const REQUESTS = Number(process.env['TENANTS_ROWS_REQUESTS'] ?? 2000);
const TENANTS = Array.from({ length: REQUESTS >= 100_000 ? 200 : 20 }, (_, index) => `tenant_${index}`);
const CONNECTIONS = 10;
const VISITORS = 50;
const LIMIT_MS = Math.max(120_000, REQUESTS * 10);

const database = useDatabase();
let site: RowSite;
/** The key of each tenant. */
const keys = new Map<string, string>();

beforeAll(async () => {
  site = await createRowSite(database, TENANTS, 2);
  const { rows } = await database.query<{ id: string; name: string }>('SELECT id, schema_name AS name FROM tenants');
  for (const { id, name } of rows) keys.set(name, id);
}, LIMIT_MS);
afterAll(() => site.close());

/** What a request does besides reading: most do nothing else, the others end in every way that a request can end. */
const ENDS = ['read', 'read', 'read', 'write', 'error', 'refused', 'canceled', 'thrown', 'forgotten'] as const;

/** Sends requests of all tenants through few connections, and counts the wrong answers. */
async function visit(
  tenancy: Tenancy,
  pool: Pool,
  requests: number,
  prepared = true,
): Promise<{ answers: number; wrong: string[] }> {
  const wrong: string[] = [];
  let answers = 0;
  let next = 0;
  const request = async (number: number): Promise<void> => {
    const name = TENANTS[(number * 7919) % TENANTS.length] ?? '';
    const end = ENDS[(number * 31 + Math.floor(number / 9)) % ENDS.length];
    if (end === 'forgotten') {
      const { rows } = await pool.query('SELECT * FROM customers');
      if (rows.length > 0) wrong.push(`${number}: rows without a tenant`);
      return;
    }
    await tenancy
      .withTenant(name, async (client) => {
        const { rows } = await client.query<{ tenant_id: string; name: string }>({
          // PgBouncer knows prepared statements since its version 1.21 only.
          ...(prepared ? { name: 'customers' } : {}),
          text: 'SELECT tenant_id, name FROM customers ORDER BY id',
        });
        answers += 1;
        const own =
          rows.length === 2 && rows.every((row) => row.tenant_id === keys.get(name) && row.name.startsWith(`${name} `));
        if (!own) wrong.push(`${number}: ${name} was answered ${JSON.stringify(rows)}`);
        if (end === 'write') {
          const { rowCount } = await client.query('UPDATE invoices SET total = total + 1');
          if (rowCount !== 4) wrong.push(`${number}: ${name} changed ${rowCount} rows`);
        } else if (end === 'error') await client.query('SELECT 1 / 0');
        else if (end === 'refused') await client.query(`UPDATE customers SET tenant_id = tenant_id + 1`);
        else if (end === 'canceled') {
          await client.query('SET LOCAL statement_timeout = 1');
          await client.query('SELECT pg_sleep(1)');
        } else if (end === 'thrown') throw new Error('thrown');
      })
      .catch((error: unknown) => {
        const expected = end === 'error' || end === 'refused' || end === 'canceled' || end === 'thrown';
        if (!expected) wrong.push(`${number}: ${String(error)}`);
      });
  };
  const visitor = async (): Promise<void> => {
    while (next < requests) {
      next += 1;
      await request(next);
    }
  };
  await Promise.all(Array.from({ length: VISITORS }, visitor));
  return { answers, wrong };
}

it(
  `${REQUESTS.toLocaleString('en-US')} requests of ${TENANTS.length} tenants on ${CONNECTIONS} connections get no wrong answer`,
  async () => {
    const pool = site.pool({ max: CONNECTIONS });
    const { answers, wrong } = await visit(site.tenancy({ pool }), pool, REQUESTS);
    expect(wrong.slice(0, 10)).toEqual([]);
    expect(answers).toBeGreaterThan(REQUESTS * 0.8);
  },
  LIMIT_MS,
);

it.runIf(hasPgBouncer)(
  'nor do they behind PgBouncer in transaction mode, which lends few server connections',
  async () => {
    const { config } = site;
    const bouncer = await startPgBouncer(
      { ...config, port: Number(config.port), user: String(config.user), password: String(config.password) },
      { size: 4 },
    );
    const pool = new Pool({ ...bouncer.config, max: CONNECTIONS });
    try {
      const tenancy = createTenancy({ pool, types: TYPES, listen: false });
      const { answers, wrong } = await visit(tenancy, pool, Math.min(REQUESTS, 1000), false);
      expect(wrong.slice(0, 10)).toEqual([]);
      expect(answers).toBeGreaterThan(0);
    } finally {
      await pool.end();
      await bouncer.stop();
    }
  },
  LIMIT_MS,
);
