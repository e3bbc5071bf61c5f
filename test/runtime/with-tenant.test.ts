import { setTimeout as sleep } from 'node:timers/promises';

import type { Pool, PoolClient } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Tenancy } from '../../src/runtime/index.js';
import { useDatabase } from '../support/database.js';
import { openProxy } from '../support/proxy.js';
import {
  assertPoolIsClean,
  AWKWARD,
  AWKWARD_SCHEMA,
  createCommonSite,
  projectNames,
  resetProjects,
  type Site,
} from './fixture.js';

const database = useDatabase({ name: 'with_tenant' });
let site: Site;
let pool: Pool;
let tenancy: Tenancy;

beforeAll(async () => {
  ({ site, pool, tenancy } = await createCommonSite(database));
});

beforeEach(() => resetProjects(database));

afterAll(() => site.close());

describe('withTenant', () => {
  it('runs in the schema of the tenant, by name or by row, then in the shared one', async () => {
    const tenant = await tenancy.find('acme');
    if (tenant === null) throw new Error('no tenant');
    expect(await tenancy.withTenant('acme', projectNames)).toEqual(['acme']);
    expect(await tenancy.withTenant(tenant, projectNames)).toEqual(['acme']);
    expect(await tenancy.withTenant('public', projectNames)).toEqual(['public']);
    await tenancy.withTenant('globex', async (client) => {
      expect((await client.query('SELECT 1 FROM domains')).rowCount).toBeGreaterThan(0);
    });
    await database.query(`INSERT INTO ${AWKWARD_SCHEMA}.projects (name) VALUES ('odd')`);
    expect(await tenancy.withTenant(AWKWARD, projectNames)).toEqual(['awkward', 'odd']);
    await assertPoolIsClean(pool);
  });

  it('commits what was done, and rolls it back when the work throws', async () => {
    const insert = (client: PoolClient): Promise<unknown> => client.query(`INSERT INTO projects (name) VALUES ('new')`);
    await tenancy.withTenant('acme', insert);
    await expect(
      tenancy.withTenant('globex', async (client) => {
        await insert(client);
        throw new Error('after all not');
      }),
    ).rejects.toThrow('after all not');
    expect(await tenancy.withTenant('acme', projectNames)).toEqual(['acme', 'new']);
    expect(await tenancy.withTenant('globex', projectNames)).toEqual(['globex']);
    await assertPoolIsClean(pool);
  });

  it('does not pass off a rollback as a commit when the work swallowed an error', async () => {
    const work = tenancy.withTenant('acme', async (client) => {
      await client.query(`INSERT INTO projects (name) VALUES ('lost')`);
      await client.query('SELECT 1/0').catch(() => undefined);
    });
    await expect(work).rejects.toMatchObject({ code: 'DATABASE_ERROR' });
    expect(await tenancy.withTenant('acme', projectNames)).toEqual(['acme']);
  });

  it('fails for a commit that fails', async () => {
    await database.query(`ALTER TABLE acme.projects ADD CONSTRAINT once UNIQUE (name) DEFERRABLE INITIALLY DEFERRED`);
    const work = tenancy.withTenant('acme', (client) => client.query(`INSERT INTO projects (name) VALUES ('acme')`));
    await expect(work).rejects.toMatchObject({ code: '23505' });
    await database.query(`ALTER TABLE acme.projects DROP CONSTRAINT once`);
    await assertPoolIsClean(pool);
  });

  it.each(['unknown', 'pg_catalog', '', 'x'.repeat(64), 'a\0b'])('does not know %j', async (name) => {
    await expect(tenancy.withTenant(name, projectNames)).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
  });

  it('refuses a tenant whose schema is gone, instead of going on in the shared one', async () => {
    await site.add('gone');
    const tenant = await tenancy.find('gone');
    if (tenant === null) throw new Error('no tenant');
    await database.query('DROP SCHEMA gone CASCADE');
    for (const transaction of [true, false]) {
      const work = tenancy.withTenant(tenant, projectNames, { transaction });
      await expect(work).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
    }
    await assertPoolIsClean(pool);
  });

  it('takes isolation and read only', async () => {
    const settings = await tenancy.withTenant(
      'acme',
      async (client) =>
        (
          await client.query(
            `SELECT current_setting('transaction_isolation') AS i, current_setting('transaction_read_only') AS r`,
          )
        ).rows[0] as unknown,
      { isolation: 'serializable', readOnly: true },
    );
    expect(settings).toEqual({ i: 'serializable', r: 'on' });
    await tenancy.withTenant('acme', (client) => client.query(`INSERT INTO projects (name) VALUES ('x')`));
  });

  it.each([
    'COMMIT',
    ' rollback',
    'begin',
    'START TRANSACTION',
    'end',
    'abort',
    'SET search_path TO globex',
    'set role x',
    'SET SESSION AUTHORIZATION x',
    'DISCARD ALL',
    'listen x',
    '/* a; b */ -- c\n commit',
  ])('refuses %j, which would leave the transaction', async (sql) => {
    await tenancy.withTenant('acme', async (client) => {
      expect(() => client.query(sql)).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
      expect(() => client.query({ text: sql, values: [] })).toThrow(
        expect.objectContaining({ code: 'USAGE' }) as Error,
      );
      await client.query('SET LOCAL work_mem TO 1000');
      await client.query('SAVEPOINT mine; ROLLBACK TO mine; ROLLBACK WORK TO SAVEPOINT mine');
      await client.query('SET CONSTRAINTS ALL IMMEDIATE');
    });
    await assertPoolIsClean(pool);
  });

  it.each(['SELECT 1; COMMIT', 'SELECT 1; COMMIT; BEGIN', 'SELECT 1; ROLLBACK; SELECT 2'])(
    'says so when %j has ended the transaction all the same',
    async (sql) => {
      const one = site.pool({ max: 1 });
      const own = site.tenancy({ pool: one, listen: false });
      const work = own.withTenant('acme', (client) => client.query(sql));
      await expect(work).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('ended') });
      await own.withTenant('acme', (client) => client.query(`SET LOCAL TimeZone TO 'Asia/Tokyo'`));
      await assertPoolIsClean(one);
    },
  );

  it('throws a client away whose search path was changed for good', async () => {
    const one = site.pool({ max: 1 });
    const own = site.tenancy({ pool: one, listen: false });
    const pidOf = async (): Promise<unknown> => (await one.query('SELECT pg_backend_pid() AS pid')).rows[0];
    const before = await pidOf();
    await own.withTenant('acme', projectNames);
    expect(await pidOf()).toEqual(before);
    await own.withTenant('acme', (client) => client.query(`SELECT set_config('search_path', 'globex', false)`));
    expect(await pidOf()).not.toEqual(before);
    await assertPoolIsClean(one);
  });

  it('gives out a client that cannot be used any more afterwards', async () => {
    const kept: PoolClient[] = [];
    await tenancy.withTenant('acme', (client) => void kept.push(client));
    await expect(
      tenancy.withTenant('acme', (client) => Promise.reject(new Error(String(kept.push(client))))),
    ).rejects.toThrow();
    expect(kept).toHaveLength(2);
    for (const client of kept) {
      expect(() => client.query('SELECT 1')).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
      expect(() => client.release()).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
    }
  });

  it('survives connections that break, in the work and in between', async () => {
    const proxy = await openProxy(database);
    const fragile = site.pool({ connectionString: proxy.url, max: 2 });
    const own = site.tenancy({ pool: fragile, listen: false });
    await own.find('acme');
    const during = own.withTenant('acme', async (client) => {
      await client.query(`INSERT INTO projects (name) VALUES ('lost')`);
      proxy.cutAll();
      await sleep(50);
    });
    await expect(during).rejects.toThrow();
    const query = own.withTenant('acme', async (client) => {
      const slow = client.query('SELECT pg_sleep(5)');
      setTimeout(() => proxy.cutAll(), 50);
      await slow;
    });
    await expect(query).rejects.toThrow();
    proxy.cut({ when: ({ sql }) => sql.includes('COMMIT'), deliver: true });
    await expect(own.withTenant('acme', projectNames)).rejects.toThrow();
    proxy.cut({ when: ({ sql }) => sql.startsWith('ROLLBACK') });
    await expect(own.withTenant('acme', () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    expect(await own.withTenant('acme', projectNames)).toEqual(['acme']);
    expect(fragile.totalCount).toBeLessThanOrEqual(2);
    await assertPoolIsClean(fragile);
    await proxy.close();
  });

  it('keeps hundreds of parallel works apart on a few connections', async () => {
    const names = ['acme', 'globex', 'public'];
    const wrong: string[] = [];
    await Promise.all(
      Array.from({ length: 600 }, async (_, index) => {
        const name = names[index % 3] ?? '';
        const work = tenancy.withTenant(name, async (client) => {
          const found = await projectNames(client);
          if (found.join() !== name || tenancy.currentTenant()?.schemaName !== name) wrong.push(found.join());
          if (index % 7 === 0) throw new Error('planned');
        });
        await work.catch((error: Error) => error.message === 'planned' || Promise.reject(error));
      }),
    );
    expect(wrong).toEqual([]);
    await assertPoolIsClean(pool);
  });
});
