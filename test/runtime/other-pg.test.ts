import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client, DatabaseError, type PoolClient, type PoolConfig, Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Tenancy } from '../../src/runtime/index.js';
import { REPOSITORY } from '../support/build.js';
import { useDatabase } from '../support/database.js';
import { assertPoolIsClean, createSite, projectNames, type Site, until } from './fixture.js';

type Copy = { Pool: typeof Pool; Client: typeof Client; DatabaseError: typeof DatabaseError };

const database = useDatabase({ name: 'other_pg' });
const pools: Pool[] = [];
let folder: string;
let copy: Copy;
let site: Site;

/** An application's own node-postgres: the same code from another folder, so that no class is the one that we import. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenants-other-pg-'));
  const modules = join(REPOSITORY, 'node_modules');
  await mkdir(join(folder, 'node_modules'));
  for (const name of await readdir(modules)) {
    if (!/^(pg|postgres-|split2|xtend)/.test(name)) continue;
    await cp(join(modules, name), join(folder, 'node_modules', name), { recursive: true });
  }
  copy = createRequire(join(folder, 'application.js'))('pg') as Copy;
  site = await createSite(database);
  await site.add('acme', 'acme.example.com');
  await site.add('globex', 'globex.example.com');
});

afterAll(async () => {
  await site.close();
  await Promise.all(pools.map((pool) => pool.end()));
  await rm(folder, { recursive: true, force: true });
});

const config = (): PoolConfig => ({ connectionString: database.url, max: 2 });

/** Everything for which the runtime looks at a pool, a client or an error more closely. */
async function assertWorks(pool: Pool): Promise<void> {
  pools.push(pool);
  const tenancy: Tenancy = site.tenancy({ pool, migrations: ['0001_projects'] });
  expect(await tenancy.resolve('acme.example.com')).toMatchObject({ schemaName: 'acme' });
  await until(() => tenancy.listening);
  const inside = async (client: PoolClient): Promise<unknown> => [
    await projectNames(client),
    (await tenancy.scopedPool().query('SELECT name FROM projects')).rows,
    tenancy.currentTenant()?.schemaName,
  ];
  for (const transaction of [true, false]) {
    for (const name of ['acme', 'globex']) {
      const found = await tenancy.withTenant(name, inside, { transaction });
      expect(found).toEqual([[name], [{ name }], name]);
    }
    const broken = tenancy.withTenant('acme', (client) => client.query('SELECT 1/0'), { transaction });
    await expect(broken).rejects.toMatchObject({ code: '22012' });
  }
  for (const left of ['BEGIN', 'BEGIN; SELECT 1/0']) {
    const work = tenancy.withTenant('acme', (client) => client.query(left).catch(() => undefined), {
      transaction: false,
    });
    await expect(work).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('transaction open') });
  }
  const tenant = await tenancy.find('acme');
  if (tenant === null) throw new Error('no tenant');
  expect(await tenancy.isReady(tenant)).toBe(true);
  expect(await tenancy.isReady({ ...tenant, schemaName: 'nowhere' })).toBe(false);
  await assertPoolIsClean(pool);
}

describe('the pool may be', () => {
  it('of another copy of node-postgres', async () => {
    const pool = new copy.Pool(config());
    expect(pool).not.toBeInstanceOf(Pool);
    await expect(pool.query('SELECT 1/0')).rejects.not.toBeInstanceOf(DatabaseError);
    await assertWorks(pool);
  });

  it.each([
    ['of an older version, whose clients cannot tell', undefined],
    ['of clients that are late to tell', () => 'I'],
  ])('%s whether a transaction is open', async (_, getTransactionStatus) => {
    class Uninformed extends copy.Client {}
    Object.assign(Uninformed.prototype, { getTransactionStatus });
    await assertWorks(new copy.Pool({ ...config(), Client: Uninformed } as PoolConfig));
  });

  it('a subclass whose connect knows promises only, and prepares each client', async () => {
    class Preparing extends Pool {}
    const connect = Pool.prototype.connect as () => Promise<PoolClient>;
    Object.assign(Preparing.prototype, {
      async connect(): Promise<PoolClient> {
        const client = await connect.call(this);
        await client.query(`SET application_name TO 'prepared'`);
        return client;
      },
      async query(...args: [string, unknown[]?]): Promise<unknown> {
        const client = await (this as unknown as Pool).connect();
        return await client.query(...args).finally(() => client.release());
      },
    });
    const pool = new Preparing(config());
    await assertWorks(pool);
    expect((await pool.query('SHOW application_name')).rows).toEqual([{ application_name: 'prepared' }]);
    const failing = new Preparing({ ...config(), port: 1, connectionString: undefined, host: '127.0.0.1' });
    pools.push(failing);
    const tenancy = site.tenancy({ pool: failing, listen: false });
    const tenant = await site.tenancy({ pool, listen: false }).find('acme');
    if (tenant === null) throw new Error('no tenant');
    await expect(tenancy.withTenant(tenant, projectNames)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('a subclass that hands on whatever it is given', async () => {
    class Watching extends Pool {}
    const connect = Pool.prototype.connect as (...args: unknown[]) => Promise<PoolClient>;
    Object.assign(Watching.prototype, {
      async connect(...args: unknown[]): Promise<PoolClient> {
        return await connect.apply(this, args);
      },
    });
    await assertWorks(new Watching(config()));
  });

  it('of clients that do not say which process they talk to; long work is refused with the reason', async () => {
    class Silent extends Client {
      get processID(): undefined {
        return undefined;
      }
      set processID(_: number) {}
    }
    const pool = new Pool({ ...config(), Client: Silent } as PoolConfig);
    pools.push(pool);
    const tenancy = site.tenancy({ pool });
    expect(await tenancy.withTenant('acme', projectNames)).toEqual(['acme']);
    await expect(tenancy.withTenant('acme', projectNames, { transaction: false })).rejects.toMatchObject({
      code: 'UNSAFE_POOLER',
      message: expect.stringContaining('pg-native'),
    });
  });
});
