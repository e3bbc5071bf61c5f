import type { Client, Pool, PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { copyOut } from '../../src/db/copy-out.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { createTenancy, type Tenancy, type Tenant } from '../../src/runtime/index.js';
import { useDatabase } from '../support/database.js';
import { createRowSite, type RowSite, TYPES } from './row-site.js';

const database = useDatabase();
let site: RowSite;
let tenancy: Tenancy;
let pool: Pool;
let version = 0;
/** The key of the tenant whose rows nobody else may see. */
let other: string;

beforeAll(async () => {
  site = await createRowSite(database, ['acme', 'globex']);
  // One connection, so that whatever stays on it meets the next tenant.
  pool = site.pool({ max: 1 });
  tenancy = site.tenancy({ pool });
  const { rows } = await database.query<{ id: string; version: number }>(
    `SELECT id, current_setting('server_version_num')::int AS version FROM tenants WHERE schema_name = 'globex'`,
  );
  other = rows[0]?.id ?? '';
  version = rows[0]?.version ?? 0;
  await pool.query(`
    CREATE FUNCTION names() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT name FROM public.customers';
    CREATE FUNCTION names_pl() RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT name FROM public.customers; END';
    CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END $$;
    CREATE FUNCTION copy_name() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.employees (id) SELECT 1000 + (random() * 1e9)::int FROM public.customers LIMIT 1; RETURN NULL; END $$;
    CREATE VIEW named ${version >= 150_000 ? 'WITH (security_invoker = true)' : ''} AS SELECT * FROM customers;
    GRANT SELECT ON named TO PUBLIC`);
  // This key and this address are the other tenant's alone.
  await database.query(
    `INSERT INTO customers (tenant_id, id, name, email) VALUES ($1, 77, 'globex 77', 'shared@example.com')`,
    [other],
  );
  await database.query(
    'CREATE TRIGGER copy_name AFTER INSERT ON customers FOR EACH STATEMENT EXECUTE FUNCTION copy_name()',
  );
});
afterAll(() => site.close());

type Work = (client: PoolClient) => Promise<unknown>;

const rowsOf =
  (sql: string, values?: unknown[]): Work =>
  async (client) =>
    (await client.query(sql, values)).rows;

/** Statements that see or change rows. They must find some, and none of another tenant. */
const SEES: Readonly<Record<string, Work>> = {
  select: rowsOf('SELECT * FROM customers'),
  'a condition that is always true': rowsOf('SELECT * FROM customers WHERE tenant_id = tenant_id OR true'),
  join: rowsOf('SELECT * FROM customers c JOIN invoices i ON i.customer_id = c.id'),
  'cross join': rowsOf('SELECT a.name, b.name AS other FROM customers a CROSS JOIN customers b'),
  'outer join': rowsOf('SELECT * FROM employees e FULL JOIN customers c ON c.id = e.id'),
  'lateral join': rowsOf('SELECT * FROM invoices i, LATERAL (SELECT name FROM customers WHERE id = i.customer_id) c'),
  subquery: rowsOf('SELECT *, (SELECT max(name) FROM customers) FROM employees WHERE EXISTS (SELECT FROM customers)'),
  CTE: rowsOf('WITH c AS MATERIALIZED (SELECT * FROM customers) SELECT * FROM c UNION ALL TABLE customers'),
  'recursive CTE': rowsOf(
    'WITH RECURSIVE e AS (SELECT * FROM employees WHERE boss IS NULL UNION ALL SELECT n.* FROM employees n JOIN e ON n.boss = e.id) SELECT * FROM e',
  ),
  'window function': rowsOf('SELECT name, count(*) OVER () FROM customers'),
  'lock of rows': rowsOf('SELECT * FROM customers FOR UPDATE'),
  'SQL function': rowsOf('SELECT * FROM names()'),
  'PL/pgSQL function': rowsOf('SELECT * FROM names_pl()'),
  cursor: async (client) => {
    await client.query('DECLARE c CURSOR FOR SELECT * FROM customers');
    return (await client.query('FETCH ALL FROM c')).rows;
  },
  'prepared statement': async (client) => (await client.query({ name: 'all', text: 'SELECT * FROM customers' })).rows,
  'SQL prepared statement': async (client) => {
    await client.query('PREPARE p AS SELECT * FROM customers');
    const { rows } = await client.query('EXECUTE p');
    await client.query('DEALLOCATE p');
    return rows;
  },
  'COPY TO': async (client) => {
    const pieces: Buffer[] = [];
    await copyOut(client as unknown as Client, 'COPY customers TO STDOUT', (piece) => void pieces.push(piece));
    return Buffer.concat(pieces).toString();
  },
  'EXPLAIN ANALYZE': rowsOf('EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM customers'),
  insert: rowsOf(`INSERT INTO customers (id, name) VALUES (20, 'acme 20') RETURNING *`),
  'insert from select': rowsOf('INSERT INTO employees (id) SELECT id + 40 FROM customers RETURNING *'),
  'update of all': rowsOf(`UPDATE customers SET name = name || '!' RETURNING *`),
  'update from another table': rowsOf('UPDATE invoices i SET total = 1 FROM customers c RETURNING *'),
  upsert: rowsOf(
    `INSERT INTO customers (id, name) VALUES (1, 'acme 1') ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name RETURNING *`,
  ),
  // The other tenant has this address.
  'unique value of another': rowsOf(
    `INSERT INTO customers (id, name, email) VALUES (30, 'x', 'shared@example.com') RETURNING id`,
  ),
  'delete with a cascade': rowsOf('DELETE FROM customers WHERE id = 2 RETURNING *'),
  'delete of all': rowsOf('DELETE FROM employees RETURNING *'),
};

/** What is refused, with a part of the server's or our message. */
const REFUSED: Readonly<Record<string, [Work, string]>> = {
  'insert with the key of another': [
    (c) => c.query(`INSERT INTO customers (tenant_id, name) VALUES (${other}, 'x')`),
    'row-level security',
  ],
  'update of the column': [(c) => c.query(`UPDATE customers SET tenant_id = ${other}`), 'row-level security'],
  'upsert into the row of another': [
    (c) =>
      c.query(
        `INSERT INTO customers (tenant_id, id, name) VALUES (${other}, 1, 'x') ON CONFLICT (tenant_id, id) DO UPDATE SET name = 'x'`,
      ),
    'row-level security',
  ],
  'reference to the row of another': [(c) => c.query('INSERT INTO invoices (customer_id) VALUES (77)'), 'foreign key'],
  'COPY FROM': [(c) => c.query('COPY customers FROM STDIN'), 'row-level security'],
  'policies turned off': [
    (c) => c.query('SET LOCAL row_security = off').then(() => c.query('SELECT * FROM customers')),
    'row-level security',
  ],
  TRUNCATE: [(c) => c.query('/* x */ TRUNCATE customers CASCADE'), 'TRUNCATE would'],
  'TRUNCATE behind another statement': [(c) => c.query('SELECT 1; TRUNCATE invoices'), 'permission denied'],
  'SET LOCAL': [(c) => c.query(`SET LOCAL "app".tenant_id = '${other}'`), 'belongs to withTenant'],
  set_config: [(c) => c.query(`SELECT set_config('app.tenant_id', '${other}', true)`), 'belongs to withTenant'],
  'set_config with a parameter': [
    (c) => c.query('SELECT set_config($1, $2, true)', ['APP.tenant_id', other]),
    'belongs to withTenant',
  ],
  'a built set_config': [
    (c) => c.query(`SELECT set_config('app' || '.tenant_id', '${other}', true)`),
    'work changed the setting',
  ],
  'a block that sets it': [
    (c) =>
      c.query(
        `DO $$ BEGIN EXECUTE 'SET LOCAL app' || '.tenant_id = ${other}'; UPDATE public.customers SET name = 'stolen'; END $$`,
      ),
    'work changed the setting',
  ],
  'a role without policies': [(c) => c.query('SET LOCAL ROLE pg_read_all_data'), 'pg_read_all_data'],
  'dropping the policy': [(c) => c.query('DROP POLICY tenant_rows ON customers'), 'must be owner'],
};

describe('a tenant that shares tables', () => {
  it.each(Object.entries(SEES))('sees and changes its own rows alone: %s', async (_, work) => {
    const before = await site.contents('globex');
    const found = JSON.stringify(await tenancy.withTenant('acme', work));
    expect(found).not.toMatch(/^(?:\[\]|"")$/);
    expect(found).not.toContain('globex');
    expect(found).not.toContain(`"tenant_id":"${other}"`);
    expect(await site.contents('globex')).toBe(before);
  });

  it.each(Object.entries(REFUSED))('is refused what reaches the rows of another: %s', async (_, [work, message]) => {
    const before = [await site.contents('globex'), await site.contents('acme')];
    await expect(tenancy.withTenant('acme', work)).rejects.toThrow(message);
    expect([await site.contents('globex'), await site.contents('acme')]).toEqual(before);
    expect((await pool.query('SELECT * FROM customers')).rows).toEqual([]);
  });

  it('does not learn of rows from errors, notices, statistics or plans', async () => {
    await database.query('ANALYZE customers');
    const heard: string[] = [];
    const client = await pool.connect();
    client.on('notice', ({ message }) => void heard.push(message ?? ''));
    client.release();
    await tenancy.withTenant('acme', async (one) => {
      await one.query('SELECT * FROM customers WHERE leak(name)');
      await one.query(`SELECT 1 / (CASE WHEN name LIKE 'globex%' THEN 0 ELSE 1 END) FROM customers`);
      const { rows } = await one.query(`SELECT * FROM pg_stats WHERE tablename = 'customers'`);
      expect(rows).toEqual([]);
    });
    expect(heard.length).toBeGreaterThan(0);
    expect(heard.join()).not.toContain('globex');
  });

  it('sees its rows through a view of its invoker, and in MERGE', async () => {
    if (version < 150_000) return;
    const found = await tenancy.withTenant('acme', async (client) => {
      await client.query(
        `MERGE INTO customers c USING (SELECT 1 AS one) s ON c.id = s.one WHEN MATCHED THEN UPDATE SET email = NULL`,
      );
      return JSON.stringify((await client.query('SELECT * FROM named')).rows);
    });
    expect(found).toContain('acme');
    expect(found).not.toContain('globex');
  });

  it('answers a prepared statement for each tenant in turn on one connection', async () => {
    for (const name of ['acme', 'globex', 'acme', 'globex', 'acme', 'globex', 'acme']) {
      const { rows } = await tenancy.withTenant(name, (client) =>
        client.query<{ name: string }>({ name: 'turn', text: 'SELECT name FROM customers WHERE id = $1', values: [3] }),
      );
      expect(rows[0]?.name).toContain(name);
    }
  });
});

describe('without a tenant', () => {
  it('there are no rows, and inserts fail', async () => {
    expect((await pool.query('SELECT * FROM customers')).rows).toEqual([]);
    expect((await pool.query(`UPDATE customers SET name = 'x'`)).rowCount).toBe(0);
    await expect(pool.query(`INSERT INTO customers (name) VALUES ('x')`)).rejects.toThrow(
      /row-level security|not-null/,
    );
    await expect(pool.query(`INSERT INTO customers (tenant_id, name) VALUES (${other}, 'x')`)).rejects.toThrow(
      'row-level security',
    );
  });

  it('nothing stays on the connection, whatever the work does', async () => {
    const failing: Work[] = [
      () => Promise.reject(new Error('of the work')),
      (client) => client.query('SELECT nothing'),
      (client) => client.query('SET LOCAL statement_timeout = 1').then(() => client.query('SELECT pg_sleep(5)')),
      (client) =>
        client
          .query('SAVEPOINT a; RESET ALL')
          .then(() => client.query('ROLLBACK TO a'))
          .then(() => Promise.reject(new Error('x'))),
    ];
    for (const work of failing) {
      await expect(tenancy.withTenant('acme', work)).rejects.toThrow();
      expect((await pool.query('SELECT * FROM customers')).rows).toEqual([]);
    }
    const session = { transaction: false };
    const { rows } = await tenancy.withTenant('acme', (client) => client.query('SELECT name FROM customers'), session);
    expect(JSON.stringify(rows)).toContain('acme');
    expect((await pool.query('SELECT * FROM customers')).rows).toEqual([]);
  });

  it('a value that a session was given before is not believed', async () => {
    const one = site.pool({ max: 1 });
    await one.query(`SELECT set_config('app.tenant_id', $1, false)`, [other]);
    await createTenant(await site.fleet.project(), { schema: 'schemed' });
    await site.fleet.database.query(`GRANT USAGE ON SCHEMA schemed TO ${site.role}`);
    const own = site.tenancy({ pool: one });
    expect((await own.withTenant('schemed', (client) => client.query('SELECT * FROM customers'))).rows).toEqual([]);
    const { rows } = await own.withTenant('acme', (client) => client.query('SELECT name FROM customers'));
    expect(JSON.stringify(rows)).not.toContain('globex');
  });
});

describe('createTenancy', () => {
  it('nests, goes over all tenants, and says who runs', async () => {
    const two = site.tenancy({ pool: site.pool({ max: 2 }) });
    const counts = await two.eachTenant(
      async (client) => (await client.query('SELECT DISTINCT tenant_id FROM invoices')).rows,
    );
    const pooled = counts.filter(({ tenant }) => tenant.type === 'pooled');
    expect(pooled.map(({ tenant, value }) => value[0]?.tenant_id === tenant.id)).toEqual([true, true]);
    await two.withTenant('acme', async (client) => {
      expect(two.currentTenant()?.schemaName).toBe('acme');
      await two.withTenant('globex', async (inner) => {
        expect(JSON.stringify((await inner.query('SELECT name FROM customers')).rows)).not.toContain('acme');
      });
      await two.withTenant('acme', (inner) => inner.query('SELECT nothing')).catch(() => undefined);
      expect(JSON.stringify((await client.query('SELECT name FROM customers')).rows)).not.toContain('globex');
      expect((await two.scopedPool().query('SELECT FROM invoices')).rowCount).toBeGreaterThan(0);
    });
    const acme = (await two.find('acme')) as Tenant;
    expect(await two.isReady(acme)).toBe(true);
    const known = site.tenancy({ migrations: { types: { pooled: ['0001_registry', '0002_row_tables'] } } });
    expect(await known.isReady(acme)).toBe(true);
    expect(await site.tenancy({ migrations: { types: { pooled: ['0003_next'] } } }).isReady(acme)).toBe(false);
  });

  it('refuses users for whom policies do not hold', async () => {
    await expect(site.tenancy({ pool: site.pool(database.config) }).withTenant('acme', () => 1)).rejects.toThrow(
      'does not restrict the database user',
    );
    await database.query(`ALTER ROLE ${site.role} BYPASSRLS`);
    const bypassing = site.tenancy({ pool: site.pool({ max: 1 }) });
    await expect(bypassing.withTenant('acme', () => 1)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await database.query(`ALTER ROLE ${site.role} NOBYPASSRLS`);
    expect(await bypassing.withTenant('acme', () => 1)).toBe(1);
    await database.query(
      `ALTER TABLE employees OWNER TO ${site.role}; ALTER TABLE employees NO FORCE ROW LEVEL SECURITY`,
    );
    await expect(site.tenancy().withTenant('acme', () => 1)).rejects.toThrow('"employees"');
    await database.query('ALTER TABLE employees FORCE ROW LEVEL SECURITY');
    expect(await site.tenancy().withTenant('acme', () => 1)).toBe(1);
  });

  it('refuses settings that cannot be, and tenants without a key', async () => {
    expect(() => createTenancy({ pool, types: TYPES, rows: { setting: 'x; y' } })).toThrow('a setting with a dot');
    await expect(site.tenancy({ rows: { key: 'label' } }).withTenant('acme', () => 1)).rejects.toThrow('has no value');
  });
});
