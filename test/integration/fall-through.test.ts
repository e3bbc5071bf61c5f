import { rm } from 'node:fs/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

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
  await database.query(`DELETE FROM acme.pgmigrations WHERE name IN ('0008_own', '0009_outside'); DROP TABLE IF EXISTS acme.own;
    DROP TABLE IF EXISTS public.users; DROP TYPE IF EXISTS public.mood, public.temper;
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
  test.each(WHERE)('is left alone %s, and the failure names it', async (_where, later) => {
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

  test.each(WHERE)('is changed with a warning %s where that is wanted', async (_where, later) => {
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

test('nothing is said of it where the check is off', async () => {
  await migration('0009_outside.sql', OUTSIDE['a table'].sql);
  const report = await fleet.migrate(ACME, { ...ONE_LANE, fallThrough: 'off' });
  expect(report.results).toMatchObject([{ status: 'applied' }]);
  expect(report.results[0]).not.toHaveProperty('warnings');
});

test('an object of the same name that the tenant has is the one that is changed', async () => {
  await database.query(`CREATE TABLE acme.users (id int); CREATE TABLE "Se""lect é".users (id int)`);
  const before = await shared();
  await migration('0009_outside.sql', OUTSIDE['a table'].sql);
  const report = await fleet.migrate({}, ONE_LANE);
  expect(report.tenants).toMatchObject({ applied: 2, failed: 0 });
  expect(await shared()).toEqual(before);
});
