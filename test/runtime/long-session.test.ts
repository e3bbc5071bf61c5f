import type { Pool, PoolClient } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Tenancy } from '../../src/runtime/index.js';
import { useDatabase } from '../support/database.js';
import { assertPoolIsClean, createCommonSite, projectNames, resetProjects, type Site } from './fixture.js';

const database = useDatabase({ name: 'long_session' });
let site: Site;
let pool: Pool;
let tenancy: Tenancy;

beforeAll(async () => {
  ({ site, pool, tenancy } = await createCommonSite(database));
});

beforeEach(() => resetProjects(database));

afterAll(() => site.close());

describe('withTenant without a transaction', () => {
  const long = { transaction: false };

  it('keeps the search path for the session, runs what refuses transactions, and gives the client back clean', async () => {
    const one = site.pool({ max: 1 });
    one.on('connect', (client) => void client.query(`SET application_name TO 'mine'`));
    const own = site.tenancy({ pool: one, listen: false });
    const pidOf = async (): Promise<unknown> => (await one.query('SELECT pg_backend_pid() AS pid')).rows[0];
    const before = await pidOf();
    await own.withTenant(
      'acme',
      async (client) => {
        expect(await projectNames(client)).toEqual(['acme']);
        await client.query('CREATE INDEX CONCURRENTLY by_name ON projects (name)');
        await client.query('CREATE TEMP TABLE projects_of_acme AS SELECT * FROM projects');
        await client.query('SELECT pg_advisory_lock(4711)');
        await client.query({ name: 'prepared', text: 'SELECT 1' });
        await client.query('BEGIN; INSERT INTO projects (name) VALUES (1); COMMIT');
      },
      long,
    );
    expect(await pidOf()).toEqual(before);
    await assertPoolIsClean(one);
    expect((await one.query('SHOW application_name')).rows).toEqual([{ application_name: 'mine' }]);
    expect((await one.query({ name: 'prepared', text: 'SELECT 1' })).rowCount).toBe(1);
    await expect(one.query('SELECT * FROM projects_of_acme')).rejects.toMatchObject({ code: '42P01' });
    expect((await one.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711`)).rowCount).toBe(0);
    await database.query('DROP INDEX acme.by_name');
  });

  it.each([
    ['a setting', `SET work_mem TO '100MB'`],
    ['a setting of its own', `SET app.tenant TO 'acme'`],
    ['a search path', `SET search_path TO globex`],
  ])('takes %s back', async (_, sql) => {
    const one = site.pool({ max: 1 });
    const own = site.tenancy({ pool: one, listen: false });
    const look = async (): Promise<unknown> =>
      (
        await one.query(
          `SELECT pg_backend_pid(), current_setting('work_mem'), current_setting('app.tenant', true) = 'acme' AS leaked`,
        )
      ).rows[0];
    await one.query(`SET work_mem TO '3MB'; SET app.tenant TO ''`);
    const before = await look();
    await own.withTenant('acme', (client) => client.query(sql), long);
    expect(await look()).toEqual(before);
    await assertPoolIsClean(one);
  });

  it.each([
    ['another role', 'SET ROLE pg_monitor', true],
    ['an open transaction', 'BEGIN', false],
    ['a broken transaction', 'BEGIN; SELECT 1/0', false],
    ['a failure', 'SELECT 1/0', false],
  ])('throws the client away after %s', async (_, sql, succeeds) => {
    const one = site.pool({ max: 1 });
    const own = site.tenancy({ pool: one, listen: false });
    const pidOf = async (): Promise<unknown> => (await one.query('SELECT pg_backend_pid() AS pid')).rows[0];
    const before = await pidOf();
    const work = own.withTenant('acme', (client) => client.query(sql), long);
    expect((await Promise.allSettled([work]))[0]?.status).toBe(succeeds ? 'fulfilled' : 'rejected');
    expect(await pidOf()).not.toEqual(before);
    await assertPoolIsClean(one);
  });

  it('takes read only, and refuses isolation', async () => {
    const write = (client: PoolClient): Promise<unknown> => client.query('DELETE FROM projects');
    await expect(tenancy.withTenant('acme', write, { ...long, readOnly: true })).rejects.toMatchObject({
      code: '25006',
    });
    await expect(tenancy.withTenant('acme', write, { ...long, isolation: 'serializable' })).rejects.toMatchObject({
      code: 'USAGE',
    });
    expect(await tenancy.withTenant('acme', projectNames, { ...long, readOnly: true })).toEqual(['acme']);
    await assertPoolIsClean(pool);
  });
});
