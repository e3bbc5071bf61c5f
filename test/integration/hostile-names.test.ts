import { afterAll, beforeAll, expect, it } from 'vitest';

import { status } from '../../src/fleet/status.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { plan } from '../../src/run/plan.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

const NAMES = [
  'UPPER Case',
  'select',
  `quo"te'd`,
  '"',
  'ünï-çødé 漢字',
  'x'.repeat(63),
  `${'ä'.repeat(31)}z`,
  'with.dot',
  '$users',
  '%I\\n\\',
  'a,b',
  ' leading',
  '-- comment',
  '$$',
  '{curly}',
  'new\nline',
  'public.tenants; DROP SCHEMA public CASCADE',
  '1digit',
  'null',
];

const database = useDatabase();
let fleet: TestFleet;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
  for (const name of NAMES) {
    await database.query(`CREATE SCHEMA "${name.replaceAll('"', '""')}"`);
    await database.query('INSERT INTO tenants (schema_name) VALUES ($1)', [name]);
  }
});
afterAll(() => fleet.remove());

const everywhere = async (table: string): Promise<string[]> => {
  const { rows } = await database.query(
    `SELECT relnamespace::regnamespace::oid AS oid, nspname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = $1`,
    [table],
  );
  return rows.map((row) => String(row['nspname']));
};

it('tenants of any legal name are planned and migrated, compiled and direct', async () => {
  await fleet.tenantMigration(
    '0002_kind.js',
    `exports.up = (pgm) => { pgm.createType('kind', ['a']); pgm.createTable('kinds', { id: 'id', kind: 'kind' }); };`,
  );
  const planned = await plan(await fleet.project(), { selection: { kind: 'all' } });
  expect(planned.cohorts).toMatchObject([{ count: NAMES.length, mode: 'compiled' }]);
  const report = await fleet.migrate();
  expect(report.results.filter((result) => result.status !== 'applied')).toEqual([]);
  expect(new Set(await everywhere('kinds'))).toEqual(new Set(NAMES));

  await fleet.tenantMigration(
    '0003_asks.js',
    `exports.up = async (pgm) => { const { rows } = await pgm.db.query('SELECT count(*)::int AS n FROM kinds'); pgm.createTable('asked_' + rows[0].n, { id: 'id' }); };`,
  );
  await fleet.tenantMigration(
    '0004_index.sql',
    '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY kinds_kind ON kinds (kind);',
  );
  const second = await fleet.migrate();
  expect(second.results.filter((result) => result.status !== 'applied')).toEqual([]);
  expect(new Set(await everywhere('asked_0'))).toEqual(new Set(NAMES));
  expect(new Set(await everywhere('kinds_kind'))).toEqual(new Set(NAMES));
});

it('and are found by name', async () => {
  const report = await status(await fleet.project());
  expect(report.tenants).toMatchObject({ total: NAMES.length, upToDate: NAMES.length });
  expect(new Set(report.cohorts[0]?.tenants)).toEqual(new Set(NAMES));
  for (const name of NAMES) {
    expect((await status(await fleet.project(), { names: [name] })).tenants.total).toBe(1);
  }
});

it('and adopted', async () => {
  await database.query('DELETE FROM tenants');
  const project = await fleet.project();
  for (const schema of NAMES) {
    expect(await createTenant(project, { schema, adopt: true })).toMatchObject({ tenant: { schema }, migrations: [] });
  }
});

it('a name that no schema can have is missing, and creating it fails that tenant only', async () => {
  await database.query(`ALTER TABLE tenants DROP CONSTRAINT tenants_schema_name_check;
    INSERT INTO tenants (schema_name) VALUES (repeat('y', 64)), (''), ('fine')`);
  const report = await fleet.migrate({ missing: 'create' }, { canary: 0 });
  expect(report.tenants).toMatchObject({ applied: 1, failed: 2 });
  expect(report.results.filter(({ status }) => status === 'failed')).toMatchObject([
    { error: { code: 'INVALID_NAME' } },
    { error: { code: 'INVALID_NAME' } },
  ]);
  await database.query(`DELETE FROM tenants WHERE schema_name IN (repeat('y', 64), '', 'fine')`);
});

it('a schema named $user, which no search path leads to, fails alone and touches nothing else', async () => {
  await database.query(`CREATE SCHEMA "$user"; INSERT INTO tenants (schema_name) VALUES ('$user')`);
  const report = await fleet.migrate();
  expect(report.results).toMatchObject([{ tenant: '$user', status: 'failed', error: { code: 'TENANT_MOVED' } }]);
  expect(await fleet.tables('$user')).toEqual([]);
  expect(await fleet.tables('public')).toEqual(['domains', 'pgmigrations', 'tenants']);
});
