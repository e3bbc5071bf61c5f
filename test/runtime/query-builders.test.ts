import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { bigint, pgTable, text } from 'drizzle-orm/pg-core';
import knex from 'knex';
import { Kysely, PostgresDialect } from 'kysely';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Tenancy } from '../../src/runtime/index.js';
import { useDatabase } from '../support/database.js';
import { createSite, type Site } from './fixture.js';

const database = useDatabase({ name: 'builders' });
let site: Site;
let pool: Pool;
let tenancy: Tenancy;

beforeAll(async () => {
  site = await createSite(database);
  await site.add('acme');
  await site.add('globex');
  pool = site.pool({ max: 3 });
  tenancy = site.tenancy({ pool, listen: false });
});

afterAll(() => site.close());

/** Many works at once, each of which has to find the rows of its own tenant. */
async function assertApart(namesIn: (schemaName: string) => Promise<string[]>): Promise<void> {
  const names = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? 'acme' : 'globex'));
  const found = await Promise.all(names.map((name) => namesIn(name)));
  expect(found.map(([name]) => name)).toEqual(names);
  expect(pool.idleCount).toBe(pool.totalCount);
}

describe('Kysely', () => {
  type Database = { projects: { name: string } };
  let db: Kysely<Database>;

  beforeAll(() => {
    db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: tenancy.scopedPool() }) });
  });

  it('works in the tenant around it, with one instance for all', async () => {
    await assertApart((name) =>
      tenancy.withTenant(name, async () => {
        const rows = await db.selectFrom('projects').select('name').execute();
        return rows.map((row) => row.name);
      }),
    );
  });

  it('is a part of the transaction', async () => {
    const work = tenancy.withTenant('acme', async () => {
      await db.insertInto('projects').values({ name: 'lost' }).execute();
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    const rows = await tenancy.withTenant('acme', () => db.selectFrom('projects').selectAll().execute());
    expect(rows).toHaveLength(1);
  });

  it('has no tenant outside, and no transaction of its own inside', async () => {
    await expect(db.selectFrom('projects').selectAll().execute()).rejects.toMatchObject({ code: 'USAGE' });
    const work = tenancy.withTenant('acme', () =>
      db.transaction().execute((inner) => inner.selectFrom('projects').selectAll().execute()),
    );
    await expect(work).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('Drizzle', () => {
  const projects = pgTable('projects', { id: bigint({ mode: 'number' }), name: text() });

  it('works on the client of the tenant', async () => {
    await assertApart((name) =>
      tenancy.withTenant(name, async (client) => {
        const rows = await drizzle({ client }).select().from(projects).where(eq(projects.name, name));
        return rows.map((row) => row.name ?? '');
      }),
    );
  });

  it('is a part of the transaction, and has none of its own', async () => {
    const work = tenancy.withTenant('acme', (client) =>
      drizzle({ client }).transaction((inner) => inner.insert(projects).values({ name: 'lost' })),
    );
    await expect(work).rejects.toThrow();
    const rows = await tenancy.withTenant('acme', (client) => drizzle({ client }).select().from(projects));
    expect(rows).toHaveLength(1);
  });
});

describe('Knex', () => {
  const builder = knex({ client: 'pg' });

  it('works on the client of the tenant', async () => {
    await assertApart((name) =>
      tenancy.withTenant(name, async (client) => {
        const rows = await builder<{ name: string }>('projects').select().connection(client);
        return rows.map((row) => row.name);
      }),
    );
  });
});

describe('plain node-postgres', () => {
  const db = { query: (sql: string) => tenancy.scopedPool().query<{ name: string }>(sql) };

  it('works on the client, or through something that looks like a pool', async () => {
    await assertApart((name) =>
      tenancy.withTenant(name, async (client) => {
        const { rows } = await client.query<{ name: string }>('SELECT name FROM projects');
        return rows.map((row) => row.name);
      }),
    );
    await assertApart((name) =>
      tenancy.withTenant(name, async () => (await db.query('SELECT name FROM projects')).rows.map((row) => row.name)),
    );
  });
});
