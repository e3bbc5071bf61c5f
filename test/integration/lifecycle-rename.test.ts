import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

import { tenantLock } from '../../src/db/locks.js';
import { createDomain } from '../../src/lifecycle/create-domain.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import type { Project } from '../../src/project/project.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { openProxy } from '../support/proxy.js';

const database = useDatabase();
let fleet: TestFleet;
let project: Project;
let count = 0;
let from: string;
let to: string;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
  project = { ...(await fleet.project()), lockTimeoutMs: 600 };
});
afterAll(() => fleet.remove());
beforeEach(async () => {
  count += 1;
  [from, to] = [`old_${count}`, `new_${count}`];
  await fleet.create(from);
});

async function schemas(): Promise<{ rows: string[]; schemas: string[] }> {
  const read = async (sql: string): Promise<string[]> =>
    (await database.query(sql)).rows.map((row) => String(row['name']));
  return {
    rows: await read('SELECT schema_name AS name FROM tenants ORDER BY 1'),
    schemas: await read(
      `SELECT nspname::text AS name FROM pg_namespace WHERE nspname !~ '^pg_|^information|^public' ORDER BY 1`,
    ),
  };
}

async function expectUntouched(): Promise<void> {
  const found = await schemas();
  expect(found.rows).toContain(from);
  expect(found.schemas).toContain(from);
  expect(found.rows).not.toContain(to);
  expect(found.schemas).not.toContain(to);
}

it('schema and row change together, and the fleet goes on with the new name', async () => {
  await createDomain(project, { schema: from, domain: 'renamed.example' });
  await database.query(`INSERT INTO ${from}.projects (name) VALUES ('kept')`);
  const renamed = await renameTenant(project, { from, to });
  expect(renamed).toMatchObject({
    tenant: { schema: to, status: 'active' },
    domains: [{ domain: 'renamed.example', primary: true }],
    migrations: [],
    warnings: [],
  });
  const found = await schemas();
  expect(found.rows).not.toContain(from);
  expect(found.schemas).not.toContain(from);
  expect((await database.query(`SELECT name FROM ${to}.projects`)).rows).toEqual([{ name: 'kept' }]);
  const report = await fleet.migrate();
  expect(report.tenants).toMatchObject({ failed: 0, missing: 0 });
});

it('tenants of any name can be renamed, also to a spelling in small letters', async () => {
  await database.query(`CREATE SCHEMA "Wei""rd é"; CREATE SCHEMA "Acme"`);
  await database.query(`INSERT INTO tenants (schema_name) VALUES ('Wei"rd é'), ('Acme')`);
  expect((await renameTenant(project, { from: 'Wei"rd é', to: 'weird' })).tenant.schema).toBe('weird');
  expect((await renameTenant(project, { from: 'Acme', to: 'acme' })).tenant.schema).toBe('acme');
});

it.each<[string, () => [string, string], string]>([
  ['an unknown tenant', () => ['odl_' + count, to], 'UNKNOWN_TENANT'],
  ['a name that no new tenant may have', () => [from, 'Big'], 'INVALID_NAME'],
  ['the public tenant', () => ['public', to], 'USAGE'],
  ['the name it has', () => [from, from], 'USAGE'],
  ['the shared schema as the new name', () => [from, 'public'], 'USAGE'],
])('refuses %s', async (_, names, code) => {
  const [source, target] = names();
  await expect(renameTenant(project, { from: source, to: target })).rejects.toMatchObject({ code, exitCode: 2 });
  await expectUntouched();
});

it('refuses a name that a tenant or a schema has, in any spelling', async () => {
  await database.query(
    `CREATE SCHEMA ${to}_schema; CREATE SCHEMA "${to}_Case"; INSERT INTO tenants (schema_name) VALUES ('${to}_row')`,
  );
  await expect(renameTenant(project, { from, to: `${to}_row` })).rejects.toMatchObject({ code: 'TENANT_EXISTS' });
  await expect(renameTenant(project, { from, to: `${to}_schema` })).rejects.toMatchObject({ code: 'SCHEMA_EXISTS' });
  await expect(renameTenant(project, { from, to: `${to}_case` })).rejects.toMatchObject({ code: 'INVALID_NAME' });
  await expectUntouched();
});

it('refuses a tenant without a schema and one that is half deleted', async () => {
  await database.query(
    `INSERT INTO tenants (schema_name, status) VALUES ('${to}_gone', 'active'), ('${to}_going', 'deleting')`,
  );
  for (const source of [`${to}_gone`, `${to}_going`]) {
    await expect(renameTenant(project, { from: source, to })).rejects.toMatchObject({ code: 'USAGE', exitCode: 2 });
  }
});

it.each(['old', 'new'])(
  'waits for a migration that holds the lock of the %s name, and then gives up',
  async (which) => {
    const other = await database.client();
    await other.query('SELECT pg_advisory_lock($1::bigint)', [tenantLock(which === 'old' ? from : to)]);
    await expect(renameTenant(project, { from, to })).rejects.toMatchObject({ code: 'TENANT_BUSY', exitCode: 1 });
    await expectUntouched();
    setTimeout(() => void other.query('SELECT pg_advisory_unlock_all()'), 200);
    expect((await renameTenant(project, { from, to })).tenant.schema).toBe(to);
  },
);

it.each([
  ['at the ALTER SCHEMA', (sql: string) => sql.startsWith('ALTER SCHEMA'), false],
  ['before the COMMIT arrives', (sql: string) => sql === 'COMMIT', false],
  ['after the COMMIT has arrived', (sql: string) => sql === 'COMMIT', true],
])('knows what became of it when the connection breaks %s', async (_, when, deliver) => {
  const proxy = await openProxy(database);
  try {
    proxy.cut({ when: ({ sql }) => when(sql), deliver });
    const outcome = await renameTenant({ ...project, database: proxy.config }, { from, to }).catch(
      (error: unknown) => error,
    );
    if (deliver) {
      expect(outcome).toMatchObject({ tenant: { schema: to } });
      expect((await schemas()).schemas).toContain(to);
    } else {
      expect(outcome).toMatchObject({ code: 'DATABASE_UNREACHABLE', exitCode: 5 });
      await expectUntouched();
    }
  } finally {
    await proxy.close();
  }
});
