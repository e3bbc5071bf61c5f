import { afterAll, beforeAll, expect, it } from 'vitest';

import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import type { Hooks } from '../../src/project/hook-types.js';
import { createTestTenant, withTestTenant } from '../../src/testing/index.js';
import { useDatabase } from '../support/database.js';
import { createSite, projectNames, type Site } from './fixture.js';

const database = useDatabase({ name: 'test_tenant' });
let site: Site;

beforeAll(async () => {
  site = await createSite(database);
});

afterAll(() => site.close());

async function traces(schemaName: string): Promise<number> {
  const { rows } = await database.query<{ n: number }>(
    `SELECT ((SELECT count(*) FROM tenants WHERE schema_name = $1) + (SELECT count(*) FROM pg_namespace WHERE nspname = $1))::int AS n`,
    [schemaName],
  );
  return rows[0]?.n ?? -1;
}

it('gives each test a migrated tenant of its own and removes it', async () => {
  const project = await site.fleet.project();
  const tenancy = site.tenancy({ listen: false, cache: { ttl: 0 } });
  const [one, two] = await Promise.all([createTestTenant(project), createTestTenant(project, { prefix: 'mine' })]);
  expect(two.schemaName).toMatch(/^mine_[0-9a-f]{12}$/);
  expect(await tenancy.resolve(one.domain)).toMatchObject({ schemaName: one.schemaName });
  expect(await tenancy.withTenant(one.schemaName, projectNames)).toEqual([]);
  expect(await site.fleet.applied(one.schemaName)).toEqual(['0001_projects']);
  await one.remove();
  await one.remove();
  expect([await traces(one.schemaName), await traces(two.schemaName)]).toEqual([0, 2]);
  await two[Symbol.asyncDispose]();
  expect(await traces(two.schemaName)).toBe(0);
});

it('removes it after a test that fails', async () => {
  let schemaName = '';
  const test = withTestTenant(await site.fleet.project(), (tenant) => {
    schemaName = tenant.schemaName;
    return Promise.reject(new Error('failed'));
  });
  await expect(test).rejects.toThrow('failed');
  expect(schemaName).not.toBe('');
  expect(await traces(schemaName)).toBe(0);
});

it('removes it as delete-tenant would, whatever the test did to it', async () => {
  const project = await site.fleet.project();
  // A table of domains from before the product was may know no ON DELETE CASCADE.
  await database.query(`ALTER TABLE domains DROP CONSTRAINT domains_tenant_id_fkey,
    ADD CONSTRAINT domains_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id)`);
  const tenants = await Promise.all(Array.from({ length: 6 }, () => createTestTenant(project)));
  const [deleted, unregistered, halfway, dropped] = tenants.map(({ schemaName }) => schemaName);
  await deleteTenant(project, { schema: deleted ?? '' });
  await deleteTenant(project, { schema: unregistered ?? '', keepSchema: true });
  await database.query(`UPDATE tenants SET status = 'provisioning' WHERE schema_name = $1`, [halfway]);
  await database.query(`DROP SCHEMA ${dropped} CASCADE`);
  await Promise.all(tenants.map((tenant) => tenant.remove()));
  for (const { schemaName } of tenants) expect(await traces(schemaName)).toBe(0);
});

it('calls the hooks of the project', async () => {
  const called: string[] = [];
  const names = ['beforeMigrate', 'afterMigrate', 'beforeCreateTenant', 'afterCreateTenant'] as const;
  const deletion = ['beforeDeleteTenant', 'afterDeleteTenant'] as const;
  const hooks: Hooks = Object.fromEntries([...names, ...deletion].map((name) => [name, () => void called.push(name)]));
  await withTestTenant(await site.fleet.project({ hooks }), async () => {
    expect(called.toSorted()).toEqual([...names].toSorted());
    called.length = 0;
    return Promise.resolve();
  });
  expect(called).toEqual(deletion);
});
