import { describe, expect, it } from 'vitest';

import { listTenants } from '../../src/fleet/list-tenants.js';
import { status } from '../../src/fleet/status.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import type { Project } from '../../src/project/project.js';
import { registryMigration } from '../../src/registry/migration-template.js';
import type { RegistryShape } from '../../src/registry/names.js';
import { useFleet } from '../support/fleet.js';
import { BARE_SHAPE, CUSTOM_SHAPE, SHAPES } from '../support/registry-shapes.js';

const fleet = useFleet({ each: true });
const { database } = fleet;

/** Settings of a project whose registry has this shape. */
async function shaped(shape: RegistryShape): Promise<Partial<Project>> {
  const { shared, tenants } = await fleet.project();
  await fleet.files.write('migrations/shared/0001_registry.sql', registryMigration(shape));
  return {
    registry: shape,
    shared: { ...shared, schema: shape.schema },
    tenants: { ...tenants, order: shape.tenants.columns.schemaName },
  };
}

describe.each(SHAPES)('a registry with %s', (_name, shape) => {
  it('is created, filled, listed and migrated', async () => {
    const settings = await shaped(shape);
    const first = await fleet.migrate({ selection: { kind: 'shared' } }, settings);
    expect(first.shared).toMatchObject({ status: 'applied' });
    expect(await fleet.tables(shape.schema)).toContain(shape.tenants.table);
    const project = await fleet.project(settings);
    for (const schema of ['b', 'a']) {
      const made = await createTenant(project, { schema, domains: [`${schema}.example.com`, `${schema}.test`] });
      expect(made.tenant).toEqual({ schema, name: null, type: null, status: 'active' });
    }
    await createTenant(project, { schema: shape.schema, domains: ['example.com'] });
    expect((await listTenants(project)).map(({ schema, domains }) => [schema, domains.length])).toEqual(
      [shape.schema, 'a', 'b'].sort().map((schema) => [schema, schema === shape.schema ? 1 : 2]),
    );
    await expect(createTenant(project, { schema: 'c', domains: ['a.test'] })).rejects.toMatchObject({
      code: 'DOMAIN_TAKEN',
    });
    await expect(createTenant(project, { schema: 'a' })).rejects.toMatchObject({ code: 'TENANT_EXISTS' });
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    expect((await status(project)).tenants).toMatchObject({ total: 2, pending: 2 });
    expect((await fleet.migrate({}, settings)).tenants).toMatchObject({ total: 2, applied: 2 });
    expect(await fleet.tables(shape.schema)).not.toContain('two');
  });

  it('with a migration outside a transaction: made whole, or removed again', async () => {
    const settings = await shaped(shape);
    await fleet.migrate({ selection: { kind: 'shared' } }, settings);
    const project = await fleet.project(settings);
    await fleet.tenantMigration(
      '0002_i.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY i ON projects (name);',
    );
    expect(await createTenant(project, { schema: 'whole', domains: ['w.com'] })).toMatchObject({
      tenant: { status: 'active' },
    });
    await fleet.tenantMigration('0003_bad.sql', 'SELECT 1 / 0;');
    await expect(createTenant(project, { schema: 'half', domains: ['h.com'] })).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
    });
    expect((await listTenants(project)).map(({ schema }) => schema)).toEqual(['whole']);
    const { rows } = await database.query(`SELECT FROM pg_namespace WHERE nspname = 'half'`);
    expect(rows).toEqual([]);
  });
});

it('tables of an application that were there before are used as they are', async () => {
  await database.query(
    `CREATE TABLE accounts (uid uuid PRIMARY KEY DEFAULT gen_random_uuid(), slug varchar(40) NOT NULL UNIQUE, owner text NOT NULL DEFAULT 'nobody');
     CREATE TABLE hosts (id serial PRIMARY KEY, host text NOT NULL UNIQUE, account uuid NOT NULL REFERENCES accounts);
     INSERT INTO accounts (slug) VALUES ('old'), ('older'); CREATE SCHEMA old; CREATE SCHEMA older`,
  );
  const { tenants } = await fleet.project();
  await fleet.files.write('migrations/shared/0001_registry.sql', 'SELECT 1;');
  const settings = { registry: BARE_SHAPE, tenants: { ...tenants, order: 'slug' } };
  expect((await fleet.migrate({}, settings)).tenants).toMatchObject({ total: 2, applied: 2 });
  const project = await fleet.project(settings);
  const made = await createTenant(project, { schema: 'fresh', domains: ['fresh.com'], set: { owner: 'ann' } });
  expect(made.domains).toEqual([{ domain: 'fresh.com', primary: false }]);
  await expect(createTenant(project, { schema: 'x', label: 'X' })).rejects.toMatchObject({
    code: 'USAGE',
    exitCode: 2,
  });
  expect((await listTenants(project)).map(({ schema }) => schema)).toEqual(['fresh', 'old', 'older']);
});

it('a mapping that does not fit is answered with everything that is wrong, before anything happens', async () => {
  await fleet.migrate({ selection: { kind: 'shared' } });
  const wrong = { ...CUSTOM_SHAPE, schema: 'public', tenants: { ...CUSTOM_SHAPE.tenants, table: 'tenants' } };
  await fleet.files.write('migrations/shared/0002_s.sql', 'CREATE TABLE s (id int);');
  await expect(fleet.migrate({}, { registry: wrong })).rejects.toMatchObject({
    code: 'REGISTRY_MISMATCH',
    exitCode: 2,
  });
  expect(await fleet.tables('public')).not.toContain('s');
});
