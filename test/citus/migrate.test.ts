import { expect, it } from 'vitest';

import { listTenants } from '../../src/fleet/list-tenants.js';
import { status } from '../../src/fleet/status.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { createTenants } from '../../src/lifecycle/many/create-tenants.js';
import { plan } from '../../src/run/plan.js';
import { rollback } from '../../src/run/rollback.js';
import { describeCitus, nodeOf, useCitusFleet } from '../support/citus.js';
import { ASKS } from '../support/every-command.js';

const SECOND = `-- Up Migration
ALTER TABLE projects ADD COLUMN size int;
CREATE INDEX projects_size ON projects (size);
INSERT INTO projects (name) VALUES ('x');
-- Down Migration
ALTER TABLE projects DROP COLUMN size;
`;
const OUTSIDE = `-- Up Migration
-- tenants: no-transaction
CREATE INDEX CONCURRENTLY projects_name ON projects (name);
-- Down Migration
-- tenants: no-transaction
DROP INDEX CONCURRENTLY projects_name;
`;

describeCitus('tenants of a Citus cluster', () => {
  const fleet = useCitusFleet();

  it('creates the first tenant of a cluster on a node, and the next ones on both', async () => {
    for (const schema of ['d1', 'd2', 'd3', 'd4']) {
      const made = await createTenant(await fleet().project(), { schema, domains: [`${schema}.example.com`] });
      expect(made).toMatchObject({ tenant: { schema, status: 'active' }, migrations: ['0001_projects'] });
    }
    const listed = await listTenants(await fleet().project());
    const nodes = new Set(listed.map(({ node }) => node));
    expect([...nodes].sort()).toEqual([...fleet().database.workers].sort());
    expect(await nodeOf(fleet().database, 'd1')).toBe(listed.find(({ schema }) => schema === 'd1')?.node);
  });

  it('creates a local schema where that is asked for, whatever the database is set to', async () => {
    const { database } = fleet();
    const project = await fleet().project();
    const local = { ...project, tenants: { ...project.tenants, distribute: false } };
    await database.query(
      `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET citus.enable_schema_based_sharding TO on`,
    );
    await createTenant(local, { schema: 'here' });
    await database.query(
      `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} RESET citus.enable_schema_based_sharding`,
    );
    const { rows } = await database.query(`SELECT schemaid::regnamespace::text AS s FROM pg_dist_schema ORDER BY 1`);
    expect(rows.map(({ s }) => s)).toEqual(['d1', 'd2', 'd3', 'd4']);
  });

  it('creates the tenants of a file on nodes', async () => {
    const report = await createTenants(await fleet().project(), { tenants: { csv: 'schema\nm1\nm2\nm3\n' } });
    expect(report.results).toMatchObject(['m1', 'm2', 'm3'].map((tenant) => ({ tenant, status: 'created' })));
    expect(fleet().database.workers).toContain(await nodeOf(fleet().database, 'm2'));
  });

  it('migrates all of them, with statements of every kind, and rolls them back', async () => {
    await fleet().tenantMigration('0002_two.sql', SECOND);
    await fleet().tenantMigration('0003_asks.js', ASKS);
    await fleet().tenantMigration('0004_outside.sql', OUTSIDE);
    const planned = await plan(await fleet().project(), { selection: { kind: 'all' } });
    expect(planned.nodes?.reduce((sum, { tenants }) => sum + tenants, 0)).toBe(8);
    const report = await fleet().migrate();
    expect(report.results.filter((one) => one.status !== 'applied')).toEqual([]);
    expect(report.tenants).toMatchObject({ applied: 8, failed: 0 });
    expect(await fleet().applied('d2')).toEqual(['0001_projects', '0002_two', '0003_asks', '0004_outside']);
    expect((await fleet().migrate()).tenants).toMatchObject({ applied: 0, upToDate: 8 });
    const undone = await rollback(await fleet().project(), {
      selection: { kind: 'tenants' },
      target: { count: 3 },
      confirmed: true,
    });
    expect(undone.results.filter((one) => one.status !== 'rolledBack')).toEqual([]);
    expect(await fleet().applied('d3')).toEqual(['0001_projects']);
    expect((await status(await fleet().project())).nodes).toContainEqual({ node: null, tenants: 1 });
  });

  it('creates a schema that is missing on a node', async () => {
    const { database } = fleet();
    await database.query('DROP SCHEMA d4 CASCADE');
    const report = await fleet().migrate({ missing: 'create' });
    expect(report.results.find(({ tenant }) => tenant === 'd4')).toMatchObject({ status: 'applied' });
    expect(database.workers).toContain(await nodeOf(database, 'd4'));
  });
});
