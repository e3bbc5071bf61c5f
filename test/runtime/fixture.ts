import { Pool, type PoolConfig } from 'pg';
import { expect } from 'vitest';

import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { createTenancy } from '../../src/runtime/index.js';
import type { Tenancy, TenancyOptions } from '../../src/runtime/index.js';
import type { TestDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

/** A migrated fleet in which every schema, the shared one included, has a table `projects` that says whose it is. */
export type Site = {
  fleet: TestFleet;
  pool(config?: PoolConfig): Pool;
  tenancy<C extends object = object>(options?: Partial<TenancyOptions>): Tenancy<C>;
  add(schema: string, ...domains: string[]): Promise<void>;
  close(): Promise<void>;
};

const SHARED = `-- Up Migration
CREATE TABLE projects (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
INSERT INTO projects (name) VALUES ('public');
ALTER TABLE tenants ADD COLUMN paid_until date, ADD COLUMN plan text NOT NULL DEFAULT 'free';
`;

export async function createSite(database: TestDatabase): Promise<Site> {
  const fleet = await createFleet(database, { 'migrations/shared/0002_site.sql': SHARED });
  await fleet.migrate();
  const pools: Pool[] = [];
  const tenancies: Tenancy[] = [];
  const pool: Site['pool'] = (config = {}) => {
    const made = new Pool({ connectionString: database.url, max: 5, ...config });
    made.on('error', () => undefined);
    pools.push(made);
    return made;
  };
  return {
    fleet,
    pool,
    tenancy: <C extends object>(options: Partial<TenancyOptions> = {}) => {
      const made = createTenancy<C>({ ...options, pool: options.pool ?? pool() });
      tenancies.push(made as unknown as Tenancy);
      return made;
    },
    add: async (schema, ...domains) => {
      await createTenant(await fleet.project(), { schema, domains });
      if (schema === 'public') return;
      const quoted = `"${schema.replaceAll('"', '""')}"`;
      await database.query(`INSERT INTO ${quoted}.projects (name) VALUES ($1)`, [schema]);
    },
    close: async () => {
      await Promise.all(tenancies.map((each) => each.close()));
      await Promise.all(pools.map((each) => each.end()));
      await fleet.remove();
    },
  };
}

/** Schema and name of a tenant that was there before the product was. */
export const AWKWARD = 'Select "x"; --Ünïcode';
export const AWKWARD_SCHEMA = `"${AWKWARD.replaceAll('"', '""')}"`;

/** What most tests of isolation start from; the tenancy is on this pool, and does not listen. */
export type CommonSite = { site: Site; pool: Pool; tenancy: Tenancy };

/** A site with the tenants `public`, `acme`, `globex`, and one with an awkward name. */
export async function createCommonSite(database: TestDatabase): Promise<CommonSite> {
  const site = await createSite(database);
  await site.add('public', 'example.com');
  for (const name of ['acme', 'globex']) await site.add(name, `${name}.example.com`);
  await site.add('awkward');
  await database.query(`ALTER SCHEMA awkward RENAME TO ${AWKWARD_SCHEMA}`);
  await database.query(`UPDATE tenants SET schema_name = $1 WHERE schema_name = 'awkward'`, [AWKWARD]);
  const pool = site.pool();
  return { site, pool, tenancy: site.tenancy({ pool, listen: false }) };
}

/** Gives `acme` and `globex` their one project again. */
export async function resetProjects(database: TestDatabase): Promise<void> {
  for (const name of ['acme', 'globex']) {
    await database.query(`TRUNCATE ${name}.projects; INSERT INTO ${name}.projects (name) VALUES ('${name}')`);
  }
}

/** The rows that a query without a schema finds. */
export async function projectNames(client: {
  query: (sql: string) => Promise<{ rows: { name: string }[] }>;
}): Promise<string[]> {
  return (await client.query('SELECT name FROM projects ORDER BY id')).rows.map(({ name }) => name);
}

/** Waits until something is true, at most `ms`. */
export async function until(condition: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${ms} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Borrows every client of the pool and looks at its search path. */
export async function assertPoolIsClean(of: Pool): Promise<void> {
  const clients = await Promise.all(Array.from({ length: of.options.max ?? 10 }, () => of.connect()));
  for (const client of clients) {
    const { rows } = await client.query<{ search_path: string }>('SHOW search_path');
    expect(rows[0]?.search_path).toBe('"$user", public');
    expect(client.listenerCount('error')).toBe(0);
    client.release();
  }
}

/** Counts the statements that a pool is given. */
export function counted(pool: Pool): { pool: Pool; count: () => number } {
  let count = 0;
  const query = pool.query.bind(pool) as (...args: unknown[]) => unknown;
  pool.query = ((...args: unknown[]) => {
    count += 1;
    return query(...args);
  }) as Pool['query'];
  return { pool, count: () => count };
}
