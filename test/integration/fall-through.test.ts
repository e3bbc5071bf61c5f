import { rm } from 'node:fs/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

/** Statements about objects that the shared schema has and the tenant lacks. */
const OUTSIDE = {
  'a table': { sql: 'ALTER TABLE users ADD COLUMN stray text;', names: 'users' },
  'a type': { sql: `ALTER TYPE mood ADD VALUE 'stray';`, names: 'mood' },
  'a function': { sql: 'ALTER FUNCTION touch() STABLE;', names: 'touch' },
  'several objects': {
    sql: `ALTER TABLE users ADD COLUMN stray text; ALTER TABLE users ADD COLUMN more text; ALTER TYPE mood RENAME TO temper;`,
    names: 'users, mood',
  },
};

const ONE_LANE = { concurrency: 1, canary: 0 };
const ACME = { selection: { kind: 'tenants' as const, names: ['acme'] } };
const WHERE = [
  ['in the first migration of a plan', false],
  ['in a later one', true],
] as const;

const database = useDatabase();
let fleet: TestFleet;
let files: string[] = [];

beforeAll(async () => {
  fleet = await createFleet(database, {}, {});
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create('acme');
  await database.query(`CREATE SCHEMA "Se""lect é"; INSERT INTO tenants (schema_name) VALUES ('Se"lect é')`);
  await fleet.migrate();
});
afterAll(() => fleet.remove());

beforeEach(async () => {
  for (const file of files) await rm(fleet.files.path('migrations', 'tenant', file));
  files = [];
  for (const schema of ['acme', '"Se""lect é"']) {
    await database.query(`DELETE FROM ${schema}.pgmigrations WHERE name ~ '^000[89]';
      DROP TABLE IF EXISTS ${schema}.own, ${schema}.heir, ${schema}.users`);
  }
  await database.query(`DROP TABLE IF EXISTS public.users; DROP TYPE IF EXISTS public.mood, public.temper;
    DROP FUNCTION IF EXISTS public.touch(); CREATE TABLE public.users (id int);
    CREATE TYPE public.mood AS ENUM ('calm'); CREATE FUNCTION public.touch() RETURNS int LANGUAGE sql AS 'SELECT 1'`);
});

async function migration(file: string, sql: string): Promise<void> {
  await fleet.tenantMigration(file, sql);
  files.push(file);
}

/** What could have been changed in the shared schema. */
async function shared(): Promise<unknown> {
  const { rows } = await database.query(
    `SELECT (SELECT count(*)::int FROM pg_attribute WHERE attrelid = 'public.users'::regclass AND attnum > 0) AS columns,
            to_regtype('public.mood') IS NOT NULL AS mood,
            (SELECT count(*)::int FROM pg_enum e JOIN pg_type t ON t.oid = enumtypid
              WHERE typnamespace = 'public'::regnamespace) AS labels,
            (SELECT provolatile FROM pg_proc WHERE oid = 'public.touch()'::regprocedure) AS volatility`,
  );
  return rows[0];
}

describe.each(Object.entries(OUTSIDE))('%s of the shared schema', (_what, { sql, names }) => {
  it.each(WHERE)('is left alone %s, and the failure names it', async (_where, later) => {
    const before = await shared();
    if (later) await migration('0008_own.sql', 'CREATE TABLE own (id int);');
    await migration('0009_outside.sql', sql);
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.results).toHaveLength(2);
    for (const result of report.results) {
      expect(result).toMatchObject({
        status: 'failed',
        committed: [],
        migration: '0009_outside',
        error: {
          code: 'MIGRATION_FAILED',
          message: expect.stringContaining(
            `Migration 0009_outside changes ${names} outside the schema "${result.tenant}"`,
          ) as string,
        },
      });
      expect(await fleet.tables(result.tenant)).not.toContain('own');
    }
    expect(await shared()).toEqual(before);
  });

  it.each(WHERE)('is changed with a warning %s where that is wanted', async (_where, later) => {
    const before = await shared();
    if (later) await migration('0008_own.sql', 'CREATE TABLE own (id int);');
    await migration('0009_outside.sql', sql);
    const report = await fleet.migrate(ACME, { ...ONE_LANE, fallThrough: 'warn' });
    const warning = `Migration 0009_outside changes ${names} outside the schema "acme"`;
    expect(report.results).toMatchObject([
      { status: 'applied', warnings: [expect.stringContaining(warning) as string] },
    ]);
    expect(await shared()).not.toEqual(before);
  });
});

it('nothing is said of it where the check is off', async () => {
  await migration('0009_outside.sql', OUTSIDE['a table'].sql);
  const report = await fleet.migrate(ACME, { ...ONE_LANE, fallThrough: 'off' });
  expect(report.results).toMatchObject([{ status: 'applied' }]);
  expect(report.results[0]).not.toHaveProperty('warnings');
});

it('an object of the same name that the tenant has is the one that is changed', async () => {
  await database.query(`CREATE TABLE acme.users (id int); CREATE TABLE "Se""lect é".users (id int)`);
  const before = await shared();
  await migration('0009_outside.sql', OUTSIDE['a table'].sql);
  const report = await fleet.migrate({}, ONE_LANE);
  expect(report.tenants).toMatchObject({ applied: 2, failed: 0 });
  expect(await shared()).toEqual(before);
});

describe('what code does whose statements cannot be read beforehand', () => {
  const CHANGES = {
    'a function that it alters': ['ALTER FUNCTION touch() STABLE', 'public.touch()'],
    'a function that it replaces': [
      `CREATE OR REPLACE FUNCTION public.touch() RETURNS int LANGUAGE sql AS 'SELECT 2'`,
      'public.touch()',
    ],
    'a function that it creates': [
      `CREATE FUNCTION public.made() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
      'public.made()',
    ],
    'a function that it drops': ['DROP FUNCTION touch()', 'public.touch()'],
    'a type that it creates': [`CREATE TYPE public.made AS ENUM ('a')`, 'public.made'],
    'a type that it renames': ['ALTER TYPE mood RENAME TO temper', 'public.temper'],
    'a type that it drops': ['DROP TYPE mood', 'public.mood'],
    'a value of a type': [`ALTER TYPE mood ADD VALUE 'wild'`, 'public.mood'],
    'a sequence that it alters': ['ALTER SEQUENCE counter INCREMENT 2', 'public.counter'],
    'a table that it creates': ['CREATE TABLE public.made (id int)', 'public.made'],
    'a table that it drops': ['DROP TABLE users', 'public.users'],
    'a privilege on the schema': ['GRANT CREATE ON SCHEMA public TO PUBLIC', 'public'],
    'a schema that it drops': ['DROP SCHEMA doomed CASCADE', 'another schema'],
  } as const;
  const RUNS = {
    'a DO block': (sql: string) => `DO $do$ BEGIN EXECUTE $sql$${sql}$sql$; END $do$;`,
    'a DO block that catches errors': (sql: string) =>
      `DO $do$ BEGIN BEGIN EXECUTE $sql$${sql}$sql$; EXCEPTION WHEN division_by_zero THEN END; END $do$;`,
    'a function': (sql: string) => `SELECT run($sql$${sql}$sql$);`,
    'a procedure': (sql: string) => `CALL run_too($sql$${sql}$sql$);`,
  };

  beforeEach(async () => {
    await database.query(`CREATE SCHEMA IF NOT EXISTS doomed;
      DROP SEQUENCE IF EXISTS public.counter; CREATE SEQUENCE public.counter;
      CREATE OR REPLACE FUNCTION public.run(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE $1; RETURN 1; END $$;
      CREATE OR REPLACE PROCEDURE public.run_too(text) LANGUAGE plpgsql AS $$ BEGIN EXECUTE $1; END $$`);
  });

  describe.each(Object.entries(CHANGES))('%s', (_, [sql, name]) => {
    it.each(Object.entries(RUNS))('is noticed in %s', async (_how, run) => {
      const before = await shared();
      await migration('0009_outside.sql', run(sql));
      const report = await fleet.migrate(ACME, ONE_LANE);
      expect(report.results).toMatchObject([
        {
          status: 'failed',
          error: {
            code: 'MIGRATION_FAILED',
            message: expect.stringContaining(`changes ${name} outside the schema "acme"`) as string,
          },
        },
      ]);
      expect(await shared()).toEqual(before);
    });
  });

  it.each(Object.entries(RUNS))('what is the tenant’s own, or only used, is no false alarm in %s', async (_, run) => {
    const own = [
      'CREATE TABLE own (id int DEFAULT touch(), m mood, n int DEFAULT nextval($$public.counter$$))',
      'CREATE TABLE heir () INHERITS (users)',
      'CREATE TABLE gone (id int)',
      'DROP TABLE gone',
      'CREATE TYPE own_type AS ENUM ()',
      'DROP TYPE own_type',
      `CREATE FUNCTION own_touch() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
      'DROP FUNCTION own_touch()',
      'INSERT INTO own DEFAULT VALUES',
      'INSERT INTO public.users VALUES (1)',
    ];
    await migration('0008_own.sql', own.map(run).join('\n'));
    const report = await fleet.migrate(ACME, ONE_LANE);
    expect(report.results).toMatchObject([{ status: 'applied' }]);
    expect(report.results[0]).not.toHaveProperty('warnings');
  });

  it('what others change in the shared schema during the transaction is not blamed on it', async () => {
    await migration(
      '0008_others.js',
      `exports.up = async (pgm) => {
        await pgm.db.query('CREATE TABLE own (id int)');
        const { default: pg } = await import(${JSON.stringify(import.meta.resolve('pg'))});
        const other = new pg.Client(${JSON.stringify(database.url)});
        await other.connect();
        await other.query('ALTER FUNCTION public.touch() STABLE; DROP TYPE public.mood');
        await other.end();
      };`,
    );
    const report = await fleet.migrate(ACME, ONE_LANE);
    expect(report.results).toMatchObject([{ status: 'applied' }]);
  });
});

describe('objects of rare kinds that only the shared schema has', () => {
  beforeEach(async () => {
    await database.query(`DROP COLLATION IF EXISTS public.sorted; CREATE COLLATION public.sorted (LOCALE = 'C');
      DROP STATISTICS IF EXISTS public.counted; CREATE STATISTICS public.counted ON id, (id + 1) FROM public.users;
      DROP TEXT SEARCH CONFIGURATION IF EXISTS public.words; CREATE TEXT SEARCH CONFIGURATION public.words (COPY = simple);
      DROP OPERATOR IF EXISTS public.### (int, int); DROP FUNCTION IF EXISTS public.joined(int, int);
      CREATE FUNCTION public.joined(int, int) RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE OPERATOR public.### (FUNCTION = public.joined, LEFTARG = int, RIGHTARG = int)`);
  });

  it.each([
    ['DROP COLLATION sorted', 'public.sorted'],
    ['ALTER COLLATION sorted RENAME TO others', 'public.others'],
    ['DROP STATISTICS counted', 'public.users, public.counted'],
    ['ALTER STATISTICS counted SET STATISTICS 50', 'public.counted'],
    ['ALTER TEXT SEARCH CONFIGURATION words DROP MAPPING FOR word', 'public.words'],
    ['DROP OPERATOR ### (int, int)', 'public.###(integer,integer)'],
    ['ALTER OPERATOR ### (int, int) OWNER TO pg_monitor', 'public.###(integer,integer)'],
  ])('are left alone: %s', async (sql, name) => {
    await migration('0009_outside.sql', sql);
    const report = await fleet.migrate(ACME, ONE_LANE);
    const message = expect.stringContaining(`changes ${name} outside the schema "acme"`) as string;
    expect(report.results).toMatchObject([{ status: 'failed', error: { code: 'MIGRATION_FAILED', message } }]);
  });

  it('are the tenant’s where it has them', async () => {
    await migration(
      '0009_own.sql',
      `CREATE COLLATION sorted (LOCALE = 'C'); ALTER COLLATION sorted RENAME TO others; DROP COLLATION others;`,
    );
    expect((await fleet.migrate(ACME, ONE_LANE)).results).toMatchObject([{ status: 'applied' }]);
  });
});

describe('names with a schema in a migration in direct mode', () => {
  const direct = (sql: string): string =>
    `exports.up = async (pgm) => {
      const { rows } = await pgm.db.query('SELECT quote_ident(current_schema()) AS own');
      pgm.sql(${sql});
    };`;

  it('stop it where they lead to another schema, and nothing is touched', async () => {
    const before = await shared();
    await migration('0009_outside.js', direct("'DROP TABLE public.users CASCADE'"));
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.tenants).toMatchObject({ applied: 0, failed: 2 });
    expect(report.results[0]).toMatchObject({
      error: { code: 'MIGRATION_REFUSED', message: expect.stringContaining('0009_outside was stopped') as string },
    });
    expect(await shared()).toEqual(before);
  });

  it('are allowed where they are those of the tenant itself', async () => {
    await migration('0008_own.js', direct('`CREATE TABLE ${rows[0].own}.own (id int)`'));
    const report = await fleet.migrate({}, ONE_LANE);
    expect(report.results.flatMap((result) => ('error' in result ? [result.error] : []))).toEqual([]);
    expect(report.tenants).toMatchObject({ applied: 2, failed: 0 });
    expect(await fleet.tables('acme')).toContain('own');
  });

  it('give a warning where the configuration says so', async () => {
    await migration('0009_warned.js', direct("'ALTER TABLE public.users ADD COLUMN stray text'"));
    const report = await fleet.migrate(ACME, { ...ONE_LANE, fallThrough: 'warn' });
    const warning = expect.stringContaining('It creates or changes public.users, outside') as string;
    expect(report.results).toMatchObject([{ status: 'applied', warnings: [warning, expect.anything()] }]);
  });
});

describe('a migration that names another schema', () => {
  it.each([
    'DROP TABLE public.users CASCADE',
    'DROP SCHEMA acme CASCADE',
    'GRANT CREATE ON SCHEMA public TO PUBLIC',
    'DO $$ BEGIN CREATE TYPE public.status AS ENUM (); EXCEPTION WHEN duplicate_object THEN END $$',
  ])('is refused before any tenant is touched: %s', async (sql) => {
    await migration('0008_own.sql', 'CREATE TABLE own (id int);');
    await migration('0009_outside.sql', `\n${sql};`);
    await expect(fleet.migrate({}, ONE_LANE)).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      exitCode: 2,
      details: { file: fleet.files.path('migrations', 'tenant', '0009_outside.sql'), line: 2 },
    });
    expect(await fleet.tables('acme')).not.toContain('own');
  });

  it('is applied where a comment in the file allows it', async () => {
    await migration(
      '0009_outside.sql',
      '-- tenants: allow-fall-through\nALTER TABLE public.users ADD COLUMN stray text;',
    );
    const report = await fleet.migrate(ACME, ONE_LANE);
    expect(report.results).toMatchObject([{ status: 'applied' }]);
  });
});
