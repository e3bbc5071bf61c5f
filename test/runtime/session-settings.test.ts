import type { Pool, PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { useDatabase } from '../support/database.js';
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { createCommonSite, projectNames, type Site } from './fixture.js';

const database = useDatabase({ name: 'session_settings' });
let site: Site;

beforeAll(async () => {
  ({ site } = await createCommonSite(database));
  await database.query(`
    CREATE ROLE visitor_of_settings; GRANT USAGE ON SCHEMA public, acme TO visitor_of_settings;
    CREATE FUNCTION public.enter(wanted text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
      PERFORM set_config('role', wanted, false); PERFORM set_config('search_path', 'globex', false); END $$`);
});
afterAll(async () => {
  await site.close();
  await database.query('DROP OWNED BY visitor_of_settings; DROP ROLE visitor_of_settings');
});

const run = (sql: string, values?: unknown[]) => (client: PoolClient) => client.query(sql, values);

/** What a piece of work sets for the session. */
const WORKS: [string, (client: PoolClient) => Promise<unknown>][] = [
  ['set_config of a setting of its own', run(`SELECT set_config('app.tenant', 't0', false)`)],
  ['the same by parameters', run('SELECT set_config($1, $2, $3)', ['app.tenant', 't0', false])],
  ['a name that is put together', run(`SELECT set_config('app.' || 'tenant', 't0', false)`)],
  ["set_config of one of the server's", run(`SELECT set_config('statement_timeout', '77777', false)`)],
  ['SET behind another statement', run(`SELECT 1; SET app.tenant = 't0'; SET SESSION work_mem = '7MB'`)],
  ['SET ROLE behind another statement', run('SELECT 1; SET ROLE visitor_of_settings')],
  ['SET SESSION AUTHORIZATION', run('SELECT 1; SET SESSION AUTHORIZATION visitor_of_settings')],
  ['SET in a block', run(`DO $$ BEGIN SET app.tenant = 't0'; SET ROLE visitor_of_settings; END $$`)],
  ['a role and a path that a function sets', run(`SELECT public.enter('visitor_of_settings')`)],
  ['a transaction that is ended by the work', run(`SELECT 1; COMMIT; SET app.tenant = 't0'; SET work_mem = '7MB'`)],
];

const LOOK = `SELECT coalesce(current_setting('app.tenant', true), '') AS tenant, current_user::text AS user, session_user::text AS login,
  current_setting('statement_timeout') AS timeout, current_setting('work_mem') AS memory, current_setting('search_path') AS path`;

async function look(pool: Pool): Promise<unknown> {
  return (await pool.query<Record<string, string>>(LOOK)).rows[0];
}

/** Does it, once to its end and once with an error after it, and looks at what the next borrower gets. */
async function expectClean(one: Pool, work: (client: PoolClient) => Promise<unknown>): Promise<void> {
  const tenancy = site.tenancy({ pool: one, listen: false });
  const before = await look(one);
  // Some of them end the transaction, which is an error too.
  await tenancy.withTenant('acme', work).catch(() => undefined);
  expect(await look(one)).toEqual(before);
  const failing = async (client: PoolClient): Promise<void> => {
    await work(client);
    throw new Error('planned');
  };
  await expect(tenancy.withTenant('acme', failing)).rejects.toThrow('planned');
  expect(await look(one)).toEqual(before);
  const swallowed = async (client: PoolClient): Promise<void> => {
    await work(client);
    await client.query('SELECT 1/0').catch(() => undefined);
  };
  await tenancy.withTenant('acme', swallowed).catch(() => undefined);
  expect(await look(one)).toEqual(before);
  expect(await tenancy.withTenant('acme', projectNames)).toEqual(['acme']);
}

describe('what the work of withTenant sets for the session', () => {
  it.each(WORKS)('does not reach the next borrower: %s', async (_, work) => {
    await expectClean(site.pool({ max: 1 }), work);
  });

  it('is taken back without another connection where the names are known', async () => {
    const one = site.pool({ max: 1 });
    const tenancy = site.tenancy({ pool: one, listen: false });
    const pid = async (): Promise<unknown> => (await one.query('SELECT pg_backend_pid() AS pid')).rows[0];
    const before = await pid();
    await tenancy.withTenant('acme', run(`SELECT set_config('app.tenant', 't0', false)`));
    await tenancy.withTenant('acme', run(`SELECT set_config('app.tenant', 't0', true)`));
    expect(await pid()).toEqual(before);
  });

  it('costs no more round trips, and leaves what the application has set on its connections', async () => {
    const one = site.pool({ max: 1 });
    one.on('connect', (client) => void client.query(`SET app.service = 'api'; SET work_mem = '9MB'`));
    const tenancy = site.tenancy({ pool: one, listen: false });
    const texts: unknown[] = [];
    await tenancy.find('acme');
    const client = await one.connect();
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      texts.push(args[0]);
      return query(...args);
    }) as PoolClient['query'];
    client.release();
    await tenancy.withTenant('acme', run(`SELECT set_config('app.tenant', 't0', false)`));
    expect(texts).toHaveLength(3);
    const { rows } = await one.query(`SELECT current_setting('app.service') AS s, current_setting('work_mem') AS m`);
    expect(rows).toEqual([{ s: 'api', m: '9MB' }]);
  });

  describe.skipIf(!hasPgBouncer)('behind a pooler in transaction mode', () => {
    let bouncer: PgBouncer;
    beforeAll(async () => {
      bouncer = await startPgBouncer(database.config, { size: 1 });
    });
    afterAll(() => bouncer.stop());

    it.each(WORKS)('does not reach the next borrower: %s', async (_, work) => {
      await expectClean(site.pool({ connectionString: bouncer.url, max: 1 }), work);
    });
  });
});
