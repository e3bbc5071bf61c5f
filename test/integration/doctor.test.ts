import { describe, expect, it } from 'vitest';

import { doctor, isHealthy } from '../../src/doctor/doctor.js';
import { EXPECTED } from '../../src/doctor/types.js';
import { checkOf, find } from '../support/doctor.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({ each: true });
const { database } = fleet;

const HOSTILE = `We"ird 'é ${'x'.repeat(50)}`;

async function ready(...tenants: string[]): Promise<void> {
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create(...tenants);
}

/** Registers a tenant whose name `create-tenant` would not give, and migrates it. */
async function adopt(schema: string): Promise<void> {
  await database.query(`CREATE SCHEMA "${schema.replaceAll('"', '""')}"`);
  await database.query('INSERT INTO tenants (schema_name) VALUES ($1)', [schema]);
  await fleet.migrate({ selection: { kind: 'tenants', names: [schema] } });
}

it('a healthy fleet is all right, whatever its tenants are called, and nothing is changed', async () => {
  await ready('a1', 'a2', 'public');
  await adopt(HOSTILE);
  const before = await database.query('SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables');
  const report = await doctor(await fleet.project());
  expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(isHealthy(report)).toBe(true);
  expect(report.checks.map(({ name }) => name)).toEqual(Object.keys(EXPECTED));
  for (const check of report.checks) {
    expect(check).toMatchObject({ expected: expect.any(String), actual: expect.any(String), fixed: false });
  }
  const after = await database.query('SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables');
  expect(after.rows).toEqual(before.rows);
});

it('an empty database lacks its registry, and what rests on it is skipped', async () => {
  const { checks } = await doctor(await fleet.project());
  expect(find(checks, 'registry')).toMatchObject({
    ok: false,
    suggestions: expect.arrayContaining([expect.stringContaining('tenants migrate --shared')]),
  });
  expect(find(checks, 'shared-migrations')).toMatchObject({ ok: false, items: ['0001_registry'] });
  for (const name of ['registry-triggers', 'missing-schemas', 'invalid-indexes', 'connections'] as const) {
    expect(find(checks, name)).toMatchObject({ ok: false, skipped: true });
  }
  expect(find(checks, 'autovacuum').ok).toBe(true);
});

describe('registry', () => {
  it('tells every column that is not there', async () => {
    await ready();
    await database.query('ALTER TABLE tenants RENAME COLUMN type TO kind');
    expect(await checkOf(await fleet.project(), 'registry')).toMatchObject({
      ok: false,
      items: [expect.stringContaining('"type"')],
    });
  });

  it('looks for the constraints of the template, and says how to add them', async () => {
    await ready('a1');
    await database.query(`ALTER TABLE tenants DROP CONSTRAINT tenants_schema_name_key;
      ALTER TABLE domains DROP CONSTRAINT domains_domain_key, DROP CONSTRAINT domains_tenant_id_fkey;
      DROP INDEX tenants_registry_one_primary`);
    const check = await checkOf(await fleet.project(), 'registry-constraints');
    expect(check).toMatchObject({ ok: false, actual: '4 constraints missing or not valid' });
    for (const suggestion of check.suggestions ?? []) await database.query(suggestion.replace(/^[^:]+: /, ''));
    expect((await checkOf(await fleet.project(), 'registry-constraints')).ok).toBe(true);
  });

  it.each([
    ['missing', 'DROP TRIGGER tenants_registry_notify ON tenants'],
    ['disabled', 'ALTER TABLE tenants DISABLE TRIGGER tenants_registry_notify'],
    [
      'altered',
      `DROP TRIGGER tenants_registry_notify ON tenants;
       CREATE TRIGGER tenants_registry_notify AFTER INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION tenants_registry_notify('schemas', 'schema_name')`,
    ],
    ['missing', 'DROP FUNCTION tenants_registry_notify() CASCADE'],
  ])('finds a trigger that is %s and puts it back', async (problem, sql) => {
    await ready('a1');
    await database.query(sql);
    const project = await fleet.project();
    const check = await checkOf(project, 'registry-triggers');
    expect(check).toMatchObject({ ok: false, fixed: false });
    expect(check.items).toContain(`"tenants": ${problem}`);
    expect(await checkOf(project, 'registry-triggers', { fix: true })).toMatchObject({ ok: true, fixed: true });
    expect(await checkOf(project, 'registry-triggers', { fix: true })).toMatchObject({ ok: true, fixed: false });
    const client = await database.client();
    const heard = new Promise<string>((resolve) => {
      client.on('notification', ({ payload = '' }) => resolve(payload));
    });
    await client.query('LISTEN tenants_changed');
    await database.query(`UPDATE tenants SET name = 'A' WHERE schema_name = 'a1'`);
    expect(await heard).toContain('a1');
  });

  it('leaves a registry alone that is not of our making', async () => {
    await database.query(`CREATE TABLE tenants (id int PRIMARY KEY, schema_name text, name text, type text, status text, created_at date);
      CREATE TABLE domains (id int PRIMARY KEY, domain text, tenant_id int, is_primary bool)`);
    await fleet.migrate({ selection: { kind: 'shared' }, fake: true });
    const { checks } = await doctor(await fleet.project());
    expect(find(checks, 'registry-triggers')).toMatchObject({
      ok: true,
      actual: expect.stringContaining('time to live'),
    });
    expect(find(checks, 'registry-constraints')).toMatchObject({ ok: true });
    expect(find(checks, 'registry-constraints').items).toHaveLength(4);
  });
});

describe('tenants', () => {
  it('rows without schema, schemas without row, and names that differ in case only', async () => {
    await ready('a1', 'stray', 'acme');
    await adopt('Acme');
    await database.query(`DELETE FROM tenants WHERE schema_name = 'stray'; INSERT INTO tenants (schema_name) VALUES ('gone');
      CREATE SCHEMA other; CREATE TABLE other.pgmigrations (id int); CREATE SCHEMA "A1"`);
    const { checks } = await doctor(await fleet.project());
    expect(find(checks, 'missing-schemas')).toMatchObject({ ok: false, items: ['gone'] });
    expect(find(checks, 'unregistered-schemas')).toMatchObject({
      ok: false,
      items: ['stray'],
      suggestions: [
        'To make one a tenant, run: tenants create-tenant stray --adopt',
        expect.stringContaining('tenants delete-tenant stray --dump stray.sql'),
      ],
    });
    expect(find(checks, 'lookalike-names').items?.toSorted()).toEqual(
      ['Acme and acme', 'a1 and A1 (no tenant)'].toSorted(),
    );
    // Nothing of this is repaired: it takes someone who knows.
    const { checks: after } = await doctor(await fleet.project(), { fix: true });
    expect(after.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual([
      'missing-schemas',
      'unregistered-schemas',
      'lookalike-names',
    ]);
    const { rows } = await database.query(
      `SELECT count(*)::int AS n FROM pg_namespace WHERE nspname IN ('stray', 'other', 'A1')`,
    );
    expect(rows).toEqual([{ n: 3 }]);
  });

  it('pending tenants are not wrong; those ahead, out of order, unreadable or of an unknown type are', async () => {
    await ready('a1', 'ahead', 'odd', 'locked', 'strange');
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    const project = await fleet.project();
    expect(await checkOf(project, 'tenant-migrations')).toMatchObject({ ok: true, actual: '5 pending' });
    await fleet.migrate({ selection: { kind: 'tenants' } });
    expect(await checkOf(project, 'tenant-migrations')).toMatchObject({ ok: true, actual: '5 up to date' });
    await database.query(`INSERT INTO ahead.pgmigrations (name, run_on) VALUES ('0009_future', now());
      DELETE FROM odd.pgmigrations WHERE name = '0001_projects'; UPDATE tenants SET type = 'shop' WHERE schema_name = 'strange';
      ALTER TABLE locked.pgmigrations RENAME run_on TO ran`);
    const check = await checkOf(project, 'tenant-migrations');
    expect(check).toMatchObject({
      ok: false,
      actual: '1 up to date, 1 ahead, 1 out of order, 1 unreadable, 1 of an unknown type',
    });
    expect(check.items).toEqual([
      'ahead: 0009_future is not on disk',
      expect.stringMatching(/^locked: /),
      'odd: 0002_two is applied where the files have 0001_projects',
      'strange: its type "shop" is not in the configuration',
    ]);
  });

  it('with checkOrder off the order is accepted, and what that means is said', async () => {
    await ready('odd');
    await fleet.tenantMigration('0000_zero.sql', 'CREATE TABLE zero (id int);');
    const project = await fleet.project();
    expect(await checkOf(project, 'tenant-migrations')).toMatchObject({ ok: false });
    const accepted = await checkOf({ ...project, checkOrder: false }, 'tenant-migrations');
    expect(accepted).toMatchObject({ ok: true });
    expect(accepted.items?.at(-1)).toMatch(/node-pg-migrate's own order check .*/);
  });

  it('shared migrations that are pending, ahead or out of order', async () => {
    await ready();
    const project = await fleet.project();
    expect(await checkOf(project, 'shared-migrations')).toMatchObject({ ok: true, actual: '1 migration applied' });
    await fleet.files.write('migrations/shared/0002_s.sql', 'CREATE TABLE s (id int);');
    expect(await checkOf(project, 'shared-migrations')).toMatchObject({ ok: false, items: ['0002_s'] });
    await database.query(`INSERT INTO pgmigrations (name, run_on) VALUES ('0009_future', now())`);
    expect(await checkOf(project, 'shared-migrations')).toMatchObject({ ok: false, actual: 'ahead of the files' });
    await database.query(`UPDATE pgmigrations SET name = '0002_s' WHERE name = '0009_future'`);
    await fleet.files.write('migrations/shared/0000_before.sql', 'CREATE TABLE b (id int);');
    expect(await checkOf(project, 'shared-migrations')).toMatchObject({ ok: false, actual: 'out of order' });
    expect(await checkOf({ ...project, checkOrder: false }, 'shared-migrations')).toMatchObject({ ok: true });
  });

  it('extensions inside a tenant', async () => {
    await ready('a1');
    await database.query('DROP EXTENSION IF EXISTS plpgsql_check; CREATE EXTENSION citext SCHEMA a1');
    const check = await checkOf(await fleet.project(), 'extensions-in-tenants');
    expect(check).toMatchObject({ ok: false, items: ['citext in a1'] });
    await database.query(String(check.suggestions?.[0]));
    expect((await checkOf(await fleet.project(), 'extensions-in-tenants')).ok).toBe(true);
  });
});
