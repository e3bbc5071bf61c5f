import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

/**
 * Migrations that would go wrong on a connection which serves one tenant after another. Each runs over three tenants on a
 * single lane, the third with an awkward name.
 */
const TENANTS = ['one', 'two', 'Se"lect é'];
const ONE_LANE = { concurrency: 1, canary: 0 };

const database = useDatabase();
let fleet: TestFleet;
let next = 1;

beforeAll(async () => {
  fleet = await createFleet(database, {}, {});
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create('one', 'two');
  await database.query(`CREATE SCHEMA "Se""lect é"`);
  await database.query(`INSERT INTO tenants (schema_name) VALUES ('Se"lect é')`);
  await fleet.migrate();
});
afterAll(() => fleet.remove());

let name: string;
beforeEach(() => {
  next += 1;
  name = `${String(next).padStart(4, '0')}_trap`;
});

async function remove(...files: string[]): Promise<void> {
  const { rm } = await import('node:fs/promises');
  for (const file of files) await rm(fleet.files.path('migrations', 'tenant', file));
}

async function expectEverywhere(table: string): Promise<void> {
  for (const tenant of TENANTS) expect(await fleet.tables(tenant)).toContain(table);
  expect(await fleet.tables('public')).not.toContain(table);
}

describe('session state does not reach the next tenant', () => {
  it('prepared statements that a function takes away', async () => {
    await database.query(
      `CREATE FUNCTION public.take_away() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN 1; END $$`,
    );
    await fleet.tenantMigration(`${name}.sql`, `SELECT take_away(); CREATE TABLE taken_${next} (id int);`);
    const report = await fleet.migrate({}, { ...ONE_LANE, retries: 0 });
    expect(report.tenants).toMatchObject({ applied: 3, failed: 0 });
    expect(report.results.flatMap((result) => result.attempts ?? [])).toEqual([]);
    await expectEverywhere(`taken_${next}`);
  });

  it('prepared statements that a migration outside a transaction takes away', async () => {
    await fleet.tenantMigration(
      `${name}.sql`,
      `-- tenants: no-transaction\nDEALLOCATE ALL; CREATE INDEX CONCURRENTLY away_${next} ON projects (name);`,
    );
    expect((await fleet.migrate({}, ONE_LANE)).tenants).toMatchObject({ applied: 3, failed: 0 });
  });

  it('SET ROLE', async () => {
    await database.query(
      `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'trap_role') THEN CREATE ROLE trap_role; END IF; END $$`,
    );
    await fleet.tenantMigration(
      `${name}.sql`,
      `DO $$ BEGIN EXECUTE format('GRANT ALL ON SCHEMA %I TO trap_role', current_schema()); END $$;
       CREATE TABLE before_role_${next} (id int); SET ROLE trap_role; CREATE TABLE after_role_${next} (id int);`,
    );
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.tenants).toMatchObject({ applied: 3, failed: 0 });
    const { rows } = await database.query(
      `SELECT DISTINCT relname, relowner::regrole::text = 'trap_role' AS trapped FROM pg_class WHERE relname IN ($1, $2) ORDER BY 1`,
      [`before_role_${next}`, `after_role_${next}`],
    );
    expect(rows).toEqual([
      { relname: `after_role_${next}`, trapped: true },
      { relname: `before_role_${next}`, trapped: false },
    ]);
  });

  it('SET ROLE to a role that cannot see the tenant does not lead into the shared schema', async () => {
    await database.query('GRANT CREATE ON SCHEMA public TO trap_role');
    await fleet.tenantMigration(
      `${name}.sql`,
      `DO $$ BEGIN EXECUTE format('REVOKE ALL ON SCHEMA %I FROM trap_role', current_schema()); END $$;
       SET ROLE trap_role; CREATE TABLE stray_role (id int);`,
    );
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.tenants).toMatchObject({ applied: 0, failed: 3 });
    expect(JSON.stringify(report.results[0])).toContain('public.stray_role');
    expect(await fleet.tables('public')).not.toContain('stray_role');
    await remove(`${name}.sql`);
    await database.query('REVOKE CREATE ON SCHEMA public FROM trap_role');
  });

  it("set_config('search_path', '', false) as at the top of every pg_dump", async () => {
    await fleet.tenantMigration(`${name}.sql`, `SELECT pg_catalog.set_config('search_path', '', false);`);
    next += 1;
    await fleet.tenantMigration(
      `${String(next).padStart(4, '0')}_after_dump.sql`,
      `CREATE TABLE after_dump_${next} (id int);`,
    );
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.tenants).toMatchObject({ applied: 3, failed: 0 });
    await expectEverywhere(`after_dump_${next}`);
  });

  it('temporary tables', async () => {
    await fleet.tenantMigration(
      `${name}.sql`,
      `CREATE TEMP TABLE scratch AS SELECT 1 AS id; CREATE TABLE kept_${next} AS SELECT * FROM scratch;`,
    );
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.results.filter(({ status }) => status === 'failed')).toEqual([]);
    await expectEverywhere(`kept_${next}`);
  });
});

describe('migrations written in unusual ways', () => {
  it('callback style', async () => {
    await fleet.tenantMigration(
      `${name}.js`,
      `exports.up = (pgm, done) => { setTimeout(() => { pgm.createTable('called_${next}', { id: 'id' }); done(); }, 5); };`,
    );
    expect((await fleet.migrate({}, ONE_LANE)).tenants.applied).toBe(3);
    await expectEverywhere(`called_${next}`);
  });

  it('values drawn when the module is loaded differ from tenant to tenant only in direct mode, and are run there', async () => {
    await fleet.tenantMigration(
      `${name}.mjs`,
      `const drawn = Math.random(); export const up = (pgm) => { pgm.createTable('drawn_${next}', { id: { type: 'float8', default: drawn } }); };`,
    );
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.tenants).toMatchObject({ applied: 3, failed: 0 });
    await expectEverywhere(`drawn_${next}`);
  });

  it('questions to the database while the migration is built see the tenant itself', async () => {
    await fleet.tenantMigration(
      `${name}.ts`,
      `export async function up(pgm: any): Promise<void> {
         const { rows } = await pgm.db.query('SELECT current_schema() AS schema');
         pgm.createTable('asked_${next}', { id: 'id' });
         pgm.sql('COMMENT ON TABLE asked_${next} IS ' + "'" + rows[0].schema.replaceAll("'", "''") + "'");
       }`,
    );
    expect((await fleet.migrate({}, ONE_LANE)).tenants).toMatchObject({ applied: 3, failed: 0 });
    const { rows } = await database.query(
      `SELECT relnamespace::regnamespace::text AS schema, obj_description(oid) AS comment FROM pg_class WHERE relname = $1 ORDER BY 1`,
      [`asked_${next}`],
    );
    expect(rows.map(({ comment }) => comment).sort()).toEqual([...TENANTS].sort());
  });
});

describe('deferred constraints', () => {
  it('are checked at the end of the migration that breaks them', async () => {
    await fleet.tenantMigration(
      `${name}.sql`,
      `CREATE TABLE parents_${next} (id int PRIMARY KEY);
       CREATE TABLE children_${next} (id int REFERENCES parents_${next} DEFERRABLE INITIALLY DEFERRED);
       INSERT INTO children_${next} VALUES (7);`,
    );
    next += 1;
    const after = `${String(next).padStart(4, '0')}_innocent.sql`;
    await fleet.tenantMigration(after, `CREATE TABLE innocent_${next} (id int);`);
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.tenants).toMatchObject({ applied: 0, failed: 3 });
    expect(report.results[0]).toMatchObject({ status: 'failed', migration: name, error: { sqlstate: '23503' } });
    await remove(`${name}.sql`, after);
  });

  it('stay deferred for a later migration that relies on them', async () => {
    await fleet.tenantMigration(
      `${name}.sql`,
      `CREATE TABLE parents_${next} (id int PRIMARY KEY);
       CREATE TABLE children_${next} (id int REFERENCES parents_${next} DEFERRABLE INITIALLY DEFERRED);
       INSERT INTO parents_${next} VALUES (1); INSERT INTO children_${next} VALUES (1);
       ALTER TABLE children_${next} ADD COLUMN note text;`.replace('ALTER', 'SET CONSTRAINTS ALL IMMEDIATE; ALTER'),
    );
    const first = next;
    next += 1;
    await fleet.tenantMigration(
      `${String(next).padStart(4, '0')}_circle.sql`,
      `INSERT INTO children_${first} VALUES (2); INSERT INTO parents_${first} VALUES (2);`,
    );
    next += 1;
    await fleet.tenantMigration(
      `${String(next).padStart(4, '0')}_alter.sql`,
      `ALTER TABLE children_${first} ADD COLUMN more text;`,
    );
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.results.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(report.tenants.applied).toBe(3);
  });
});

describe('what is refused before anything is touched', () => {
  it.each([
    ['COMMIT', 'CREATE TABLE half_done (id int); COMMIT; CREATE TABLE other_half (id int);'],
    ['COPY', 'CREATE TABLE copied (id int); COPY copied FROM STDIN;'],
    ['an extension that the database does not have', 'CREATE EXTENSION IF NOT EXISTS hstore;'],
    ['CREATE INDEX CONCURRENTLY in a transaction', 'CREATE INDEX CONCURRENTLY made_up ON projects (name);'],
  ])('%s', async (_what, sql) => {
    await fleet.tenantMigration(`${name}.sql`, sql);
    await expect(fleet.migrate({}, ONE_LANE)).rejects.toMatchObject({ code: 'MIGRATION_REFUSED', exitCode: 2 });
    for (const tenant of TENANTS) expect(await fleet.applied(tenant)).not.toContain(name);
    await remove(`${name}.sql`);
  });
});

describe('objects outside the tenant', () => {
  it('a table that only the shared schema has is not altered in its place', async () => {
    await database.query('CREATE TABLE public.users (id int)');
    await fleet.tenantMigration(`${name}.sql`, 'ALTER TABLE users ADD COLUMN stray text;');
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.tenants).toMatchObject({ applied: 0, failed: 3 });
    expect(report.results[0]).toMatchObject({
      migration: name,
      error: { code: 'MIGRATION_FAILED', message: expect.stringContaining('users') as string },
    });
    await remove(`${name}.sql`);
  });

  it('nor in direct mode', async () => {
    await fleet.tenantMigration(
      `${name}.js`,
      `exports.up = async (pgm) => { await pgm.db.query('SELECT 1'); pgm.sql('ALTER TABLE users ADD COLUMN stray text'); };`,
    );
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.tenants).toMatchObject({ applied: 0, failed: 3 });
    expect(report.results[0]).toMatchObject({
      migration: name,
      error: { message: expect.stringContaining('public.users') as string },
    });
    const { rows } = await database.query(
      `SELECT attname FROM pg_attribute WHERE attrelid = 'public.users'::regclass AND attname = 'stray'`,
    );
    expect(rows).toEqual([]);
    await remove(`${name}.js`);
  });

  it('foreign keys into the shared schema are no false alarm, in either mode', async () => {
    await database.query('CREATE TABLE public.plans (id int PRIMARY KEY)');
    await fleet.tenantMigration(`${name}.sql`, `CREATE TABLE subscriptions_${next} (plan int REFERENCES plans);`);
    next += 1;
    await fleet.tenantMigration(
      `${String(next).padStart(4, '0')}_direct.js`,
      `exports.up = async (pgm) => { await pgm.db.query('SELECT 1'); pgm.createTable('direct_${next}', { plan: { type: 'int', references: 'plans' } }); pgm.sql('ALTER TABLE subscriptions_${next - 1} DROP CONSTRAINT subscriptions_${next - 1}_plan_fkey'); };`,
    );
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.results.filter(({ status }) => status === 'failed')).toEqual([]);
    await expectEverywhere(`direct_${next}`);
  });
});

describe('migrations outside a transaction', () => {
  it('run statement by statement for every tenant, between transactions', async () => {
    await fleet.tenantMigration(
      `${name}.sql`,
      `-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY projects_name_${next} ON projects (name);`,
    );
    next += 1;
    await fleet.tenantMigration(
      `${String(next).padStart(4, '0')}_after.sql`,
      `CREATE TABLE after_index_${next} (id int);`,
    );
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.results.filter(({ status }) => status === 'failed')).toEqual([]);
    await expectEverywhere(`after_index_${next}`);
    const { rows } = await database.query(
      `SELECT count(*)::int AS n FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = $1 AND i.indisvalid`,
      [`projects_name_${next - 1}`],
    );
    expect(rows).toEqual([{ n: 3 }]);
  });

  it('an index that a killed run left behind, valid or not, is no obstacle', async () => {
    const index = `projects_left_${next}`;
    await database.query(`CREATE INDEX ${index} ON one.projects (name)`);
    await database.query(
      `CREATE INDEX ${index} ON two.projects (name); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'two.${index}'::regclass`,
    );
    await fleet.tenantMigration(
      `${name}.sql`,
      `-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY ${index} ON projects (name);`,
    );
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.results.filter(({ status }) => status === 'failed')).toEqual([]);
    const { rows } = await database.query(
      `SELECT bool_and(i.indisvalid) AS valid, count(*)::int AS n FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = $1`,
      [index],
    );
    expect(rows).toEqual([{ valid: true, n: 3 }]);
  });

  it('a failure says what had been carried out, and what earlier segments had committed', async () => {
    await fleet.tenantMigration(`${name}.sql`, `CREATE TABLE first_part_${next} (id int);`);
    const first = name;
    next += 1;
    const second = `${String(next).padStart(4, '0')}_broken`;
    await fleet.tenantMigration(
      `${second}.sql`,
      `-- tenants: no-transaction\nCREATE TABLE loose_${next} (id int);\nVACUUM no_such_table;`,
    );
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.results[0]).toMatchObject({
      status: 'failed',
      committed: [first],
      migration: second,
      error: { sqlstate: '42P01', problems: [expect.stringContaining(`loose_${next}`) as string] },
    });
    expect((await fleet.applied('one')).at(-1)).toBe(first);
    await remove(`${second}.sql`);
  });
});
