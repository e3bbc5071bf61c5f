import { describe, expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import { query } from '../../src/each-tenant/query/query.js';
import { listTenants } from '../../src/fleet/list-tenants.js';
import { status } from '../../src/fleet/status.js';
import { createDomain } from '../../src/lifecycle/create-domain.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { deleteDomain } from '../../src/lifecycle/delete-domain.js';
import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import { registryMigration } from '../../src/registry/migration-template.js';
import { createTenancy } from '../../src/runtime/index.js';
import { useFleet } from '../support/fleet.js';
import { SHAPE } from '../support/registry-shapes.js';

describe('a registry without domains', () => {
  const fleet = useFleet({
    files: {
      'tenants.config.json': JSON.stringify({ registry: { domains: false } }),
      'migrations/shared/0001_registry.sql': registryMigration({ ...SHAPE, domains: null }),
      'migrations/tenant/0002_more.sql':
        '-- Up Migration\nCREATE INDEX CONCURRENTLY by_name ON projects (name);\n-- tenants: no-transaction\n',
    },
    tenants: ['acme'],
  });

  it('has tenants that are created, listed, migrated, renamed and deleted', async () => {
    const project = await fleet.project();
    expect(await fleet.tables('public')).toEqual(['pgmigrations', 'tenants']);
    await createTenant(project, { schema: 'beta' });
    expect(await listTenants(project)).toMatchObject([
      { schema: 'acme', status: 'active', domains: [] },
      { schema: 'beta', domains: [] },
    ]);
    expect((await status(project)).tenants).toMatchObject({ total: 2, upToDate: 2 });
    await fleet.tenantMigration('0003_third.sql', 'CREATE TABLE third (id int);');
    expect((await fleet.migrate()).tenants).toMatchObject({ applied: 2, failed: 0 });
    expect(await renameTenant(project, { from: 'beta', to: 'gamma' })).toMatchObject({ domains: [] });
    expect(await deleteTenant(project, { schema: 'gamma', batchSize: 2 })).toMatchObject({ domains: [] });
    expect((await query(project, { sql: 'SELECT 1', onRows: () => {} })).tenants).toBe(1);
  });

  it('refuses domains with the reason, and leaves nothing behind', async () => {
    const project = await fleet.project();
    const refused = {
      code: 'USAGE',
      exitCode: 2,
      message: expect.stringContaining('registry.domains: false') as string,
    };
    await expect(createTenant(project, { schema: 'other', domains: ['a.example'] })).rejects.toMatchObject(refused);
    await expect(createDomain(project, { schema: 'acme', domain: 'a.example' })).rejects.toMatchObject(refused);
    await expect(deleteDomain(project, { domain: 'a.example' })).rejects.toMatchObject(refused);
    expect((await listTenants(project)).map(({ schema }) => schema)).toEqual(['acme']);
  });

  it('is fine with doctor, which names its table when it is gone', async () => {
    const { checks } = await doctor(await fleet.project());
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    const away = { ...SHAPE, domains: null, tenants: { ...SHAPE.tenants, table: 'nowhere' } };
    const project = await fleet.project({ registry: away });
    await expect(listTenants(project)).rejects.toMatchObject({
      code: 'REGISTRY_MISSING',
      message: 'The schema "public" has no registry: the table "nowhere" does not exist.',
    });
  });

  it('is found by name, and by no host', async () => {
    const { Pool } = await import('pg');
    const pool = new Pool({ connectionString: fleet.database.url, max: 1 });
    const tenancy = createTenancy({ pool, listen: false, registry: { domains: false } });
    expect(await tenancy.find('acme')).toMatchObject({ schemaName: 'acme' });
    expect(await tenancy.resolve('acme.example')).toBeNull();
    await tenancy.close();
    await pool.end();
  });
});

describe('a view as the tenant table', () => {
  const fleet = useFleet({
    files: {
      'tenants.config.json': JSON.stringify({
        registry: {
          tenants: {
            table: 'paying',
            columns: { id: 'id', schemaName: 'slug', name: null, type: null, status: null, createdAt: null },
          },
          domains: false,
        },
      }),
      'migrations/shared/0001_registry.sql': `CREATE TABLE customers (id int PRIMARY KEY, slug text, plan text, gone timestamptz);
        CREATE VIEW paying AS SELECT id, slug FROM customers WHERE plan <> 'free' AND gone IS NULL;
        INSERT INTO customers VALUES (1, 'acme', 'pro'), (2, 'beta', 'free'), (3, 'gamma', 'pro');`,
    },
    tenants: [],
  });

  it('says which tenants there are, and creating one inserts into it where it can be updated', async () => {
    const report = await fleet.migrate({ missing: 'create' });
    expect(report.results.map(({ tenant, status: is }) => [tenant, is])).toEqual([
      ['acme', 'applied'],
      ['gamma', 'applied'],
    ]);
    await fleet.database.query(`ALTER TABLE customers ALTER plan SET DEFAULT 'pro'`);
    await createTenant(await fleet.project(), { schema: 'delta', set: {} }).catch((error: unknown) => {
      // The view's key column has no default here.
      expect(error).toMatchObject({ message: expect.stringContaining('"id"') as string });
    });
    await fleet.database.query(
      "CREATE SEQUENCE ids START 10; ALTER TABLE customers ALTER id SET DEFAULT nextval('ids')",
    );
    await createTenant(await fleet.project(), { schema: 'delta' });
    expect((await fleet.migrate()).tenants).toMatchObject({ total: 3, upToDate: 3 });
    await fleet.database.query(`UPDATE customers SET gone = now() WHERE slug = 'gamma'`);
    expect((await status(await fleet.project(), { where: 'id < 10' })).tenants.total).toBe(1);
  });
});
