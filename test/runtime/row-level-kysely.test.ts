import { type Generated, Kysely, PostgresDialect, sql } from 'kysely';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { tenantRows } from '../../src/runtime/kysely/plugin.js';
import { useDatabase } from '../support/database.js';
import { createRowSite, type RowSite } from './row-site.js';

type Row = { tenant_id: Generated<string>; id: Generated<number> };
type Database = {
  customers: Row & { name: string; email: string | null };
  'public.customers': Row & { name: string };
  invoices: Row & { customer_id: number; total: number };
  employees: Row & { boss: number | null };
  countries: { code: string };
};

const database = useDatabase();
let site: RowSite;
/** A superuser's: no policy holds, so what keeps the rows apart is the plugin. */
let pool: Pool;
let db: Kysely<Database>;
let tenant: string | undefined;
let other: string;

beforeAll(async () => {
  site = await createRowSite(database, ['acme', 'globex']);
  const { rows } = await database.query<{ id: string }>(
    `SELECT id FROM tenants WHERE type = 'pooled' ORDER BY schema_name`,
  );
  tenant = rows[0]?.id;
  other = rows[1]?.id ?? '';
  pool = site.pool(database.config);
  const tables = ['customers', 'invoices', 'employees'];
  db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool: async () => pool }),
    plugins: [tenantRows({ tables, tenant: () => tenant })],
  });
});
afterAll(() => site.close());

const READS: Readonly<Record<string, () => Promise<unknown>>> = {
  'a condition with OR in raw SQL': () =>
    db
      .selectFrom('customers')
      .selectAll()
      .where(sql<boolean>`false or true`)
      .execute(),
  'an alias': () => db.selectFrom('customers as c').select(['c.name', 'c.tenant_id']).execute(),
  'an alias that is the name of another table': () => db.selectFrom('customers as invoices').selectAll().execute(),
  'several tables': () => db.selectFrom(['customers', 'invoices as i']).selectAll().execute(),
  'a table with its schema': () =>
    db.selectFrom('public.customers').select('public.customers.name').where('public.customers.id', '>', 0).execute(),
  'an inner join': () =>
    db.selectFrom('invoices').innerJoin('customers', 'customers.id', 'invoices.customer_id').selectAll().execute(),
  'a left join': () =>
    db.selectFrom('invoices as i').leftJoin('customers as c', 'c.id', 'i.customer_id').selectAll().execute(),
  'a right join': () =>
    db
      .selectFrom('countries')
      .rightJoin('customers as c', (join) => join.onTrue())
      .selectAll()
      .execute(),
  'a full join': () =>
    db
      .selectFrom('customers as a')
      .fullJoin('customers as b', (join) => join.on(sql<boolean>`false or true`))
      .select(['a.name', 'b.name as other'])
      .execute(),
  'a cross join': () => db.selectFrom('countries').crossJoin('customers').selectAll().execute(),
  'a lateral join': () =>
    db
      .selectFrom('countries')
      .innerJoinLateral(
        (eb) => eb.selectFrom('customers').selectAll().as('c'),
        (join) => join.onTrue(),
      )
      .selectAll()
      .execute(),
  'a subquery in the selection': () =>
    db
      .selectFrom('countries')
      .select((eb) =>
        eb
          .selectFrom('customers')
          .select((e) => e.fn.max('name').as('m'))
          .as('m'),
      )
      .execute(),
  'a subquery in the condition': () =>
    db
      .selectFrom('customers')
      .selectAll()
      .where('name', 'in', (eb) => eb.selectFrom('customers').select('name'))
      .execute(),
  'a subquery in FROM': () =>
    db
      .selectFrom((eb) => eb.selectFrom('customers').selectAll().as('x'))
      .selectAll()
      .execute(),
  EXISTS: () =>
    db
      .selectFrom('countries')
      .selectAll()
      .where((eb) => eb.not(eb.exists(eb.selectFrom('customers').selectAll().where('name', 'like', 'globex%'))))
      .execute(),
  'a union': () =>
    db.selectFrom('customers').select('name').unionAll(db.selectFrom('customers').select('name')).execute(),
  'a common table expression': () =>
    db
      .with('c', (eb) => eb.selectFrom('customers').selectAll())
      .selectFrom('c')
      .selectAll()
      .execute(),
  'an expression with the name of the table': () =>
    db
      .with('customers', (eb) => eb.selectFrom('customers').selectAll())
      .selectFrom('customers')
      .selectAll()
      .execute(),
  'an expression that hides a table in another': () =>
    db
      .with('c', (eb) => eb.selectFrom('customers').selectAll())
      .with('customers', (eb) => eb.selectFrom('c').selectAll())
      .selectFrom('customers')
      .selectAll()
      .execute(),
  'a recursive expression': () =>
    db
      .withRecursive('e', (eb) =>
        eb
          .selectFrom('employees')
          .select(['id', 'tenant_id'])
          .where('boss', 'is', null)
          .unionAll(eb.selectFrom('employees as n').innerJoin('e', 'e.id', 'n.boss').select(['n.id', 'n.tenant_id'])),
      )
      .selectFrom('e')
      .selectAll()
      .execute(),
  'an aggregate': () =>
    db
      .selectFrom('customers')
      .select((eb) => eb.fn.agg<string[]>('array_agg', ['name']).as('names'))
      .execute(),
  'a lock': () => db.selectFrom('customers').selectAll().forUpdate().execute(),
  'a query in raw SQL': async () =>
    (await sql`SELECT * FROM (${db.selectFrom('customers').selectAll()}) x`.execute(db)).rows,
};

const WRITES: Readonly<Record<string, () => Promise<unknown>>> = {
  update: () =>
    db
      .updateTable('customers')
      .set({ name: 'new' })
      .where(sql<boolean>`false or true`)
      .returningAll()
      .execute(),
  'update of an alias': () => db.updateTable('customers as c').set({ email: null }).returningAll().execute(),
  'update from a table': () =>
    db
      .updateTable('invoices')
      .from('customers as c')
      .set((eb) => ({ total: eb.ref('c.id') }))
      .returning(['c.name', 'invoices.tenant_id'])
      .execute(),
  insert: () => db.insertInto('customers').values({ id: 50, name: 'acme 50' }).returningAll().execute(),
  'insert of several': () =>
    db
      .insertInto('employees')
      .values([{ id: 60 }, { id: 61, boss: 60 }])
      .returningAll()
      .execute(),
  'insert on conflict': () =>
    db
      .insertInto('customers')
      .values({ id: 1, name: 'acme 1' })
      .onConflict((oc) => oc.column('id').doUpdateSet({ email: 'x' }))
      .returningAll()
      .execute(),
  'update in an expression': () =>
    db
      .with('u', (eb) => eb.updateTable('customers').set({ name: 'y' }).returningAll())
      .selectFrom('u')
      .selectAll()
      .execute(),
  'delete using a table': () =>
    db
      .deleteFrom('invoices')
      .using('customers')
      .whereRef('customers.id', '=', 'invoices.customer_id')
      .where('customers.id', '=', 2)
      .returningAll()
      .execute(),
  delete: () =>
    db
      .deleteFrom('employees')
      .where(sql<boolean>`false or true`)
      .returningAll()
      .execute(),
};

describe('the plugin for Kysely', () => {
  it.each(Object.entries({ ...READS, ...WRITES }))('keeps rows apart where no policy does: %s', async (_, run) => {
    const before = await site.contents('globex');
    const found = JSON.stringify(await run());
    expect(found).not.toBe('[]');
    expect(found).not.toContain('globex');
    expect(found).not.toContain(`"tenant_id":"${other}"`);
    expect(await site.contents('globex')).toBe(before);
  });

  it('refuses what it cannot restrict, and queries without a tenant', async () => {
    const merge = db
      .mergeInto('customers')
      .using('invoices', (join) => join.onTrue())
      .whenMatched()
      .thenDelete();
    expect(() => merge.compile()).toThrow('MERGE');
    expect(() => db.updateTable('customers').set({ tenant_id: other }).compile()).toThrow(
      'is not for the update to set',
    );
    expect(() => db.insertInto('customers').values({ tenant_id: other, name: 'x' }).compile()).toThrow(
      'is not for the insert to set',
    );
    const conflict = db
      .insertInto('customers')
      .values({ name: 'x' })
      .onConflict((oc) => oc.column('id').doUpdateSet({ tenant_id: other }));
    expect(() => conflict.compile()).toThrow('is not for the update to set');
    const own = tenant;
    tenant = undefined;
    expect(() => db.selectFrom('customers').selectAll().compile()).toThrow('no tenant whose rows');
    expect(db.selectFrom('countries').selectAll().compile().sql).toBe('select * from "countries"');
    tenant = own;
  });

  it('gives the planner a constant', () => {
    const query = db
      .selectFrom('invoices as i')
      .innerJoin('customers as c', 'c.id', 'i.customer_id')
      .select('c.name')
      .compile();
    expect(query.sql).toBe(
      'select "c"."name" from (select * from "invoices" where "tenant_id" = $1) as "i" inner join (select * from "customers" where "tenant_id" = $2) as "c" on "c"."id" = "i"."customer_id"',
    );
    expect(query.parameters).toEqual([tenant, tenant]);
  });
});
