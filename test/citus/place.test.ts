import { expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import { distributeTenants } from '../../src/lifecycle/citus/distribute-tenants.js';
import { moveTenant } from '../../src/lifecycle/citus/move-tenant.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import type { Project } from '../../src/project/project.js';
import { describeCitus, nodeOf, useCitusFleet } from '../support/citus.js';

describeCitus('placing tenants', () => {
  // Citus does not bring back tables that have an identity column.
  const fleet = useCitusFleet({
    'migrations/tenant/0001_projects.sql': 'CREATE TABLE projects (id serial PRIMARY KEY, name text);',
  });

  async function local(): Promise<Project> {
    const project = await fleet().project();
    return { ...project, tenants: { ...project.tenants, distribute: false } };
  }

  it('distributes schemas that exist, with their rows, and brings them back', async () => {
    const { database } = fleet();
    for (const schema of ['a1', 'a2', 'shared_key']) await createTenant(await local(), { schema });
    await database.query(`INSERT INTO a1.projects (name) VALUES ('kept')`);
    await database.query('ALTER TABLE shared_key.projects ADD COLUMN owner bigint REFERENCES public.tenants (id)');
    const report = await distributeTenants(await fleet().project(), {});
    expect(report.results).toMatchObject([
      { tenant: 'a1', status: 'distributed' },
      { tenant: 'a2', status: 'distributed' },
      { tenant: 'shared_key', status: 'failed', node: null },
    ]);
    expect(database.workers).toContain(await nodeOf(database, 'a1'));
    expect((await database.query('SELECT name FROM a1.projects')).rows).toEqual([{ name: 'kept' }]);
    expect((await fleet().migrate()).tenants).toMatchObject({ upToDate: 3, failed: 0 });
    const back = await distributeTenants(await fleet().project(), { names: ['a1', 'shared_key'], undo: true });
    expect(back.results).toMatchObject([
      { tenant: 'a1', status: 'undistributed', node: null },
      { tenant: 'shared_key', status: 'unchanged' },
    ]);
    expect((await database.query('SELECT name FROM a1.projects')).rows).toEqual([{ name: 'kept' }]);
  });

  it('moves a tenant from node to node', async () => {
    const { database } = fleet();
    const from = await nodeOf(database, 'a2');
    const to = database.workers.find((node) => node !== from) ?? '';
    expect(await moveTenant(await fleet().project(), { schema: 'a2', to })).toMatchObject({ from, to, moved: true });
    expect(await nodeOf(database, 'a2')).toBe(to);
    expect(await moveTenant(await fleet().project(), { schema: 'a2', to })).toMatchObject({ moved: false });
    await fleet().tenantMigration('0002_two.sql', 'ALTER TABLE projects ADD COLUMN size int;');
    expect((await fleet().migrate()).tenants).toMatchObject({ applied: 3, failed: 0 });
  });

  it('finds in doctor what is amiss', async () => {
    const { checks } = await doctor(await fleet().project());
    const found = Object.fromEntries(checks.map((check) => [check.name, check]));
    expect(found['citus-nodes']).toMatchObject({
      ok: true,
      actual: expect.stringMatching(/^3 nodes, Citus 1/) as string,
    });
    expect(found['citus-transactions']).toMatchObject({ ok: true });
    expect(found['citus-placement']).toMatchObject({ ok: false, items: ['a1', 'shared_key'] });
    expect(found['citus-shared-tables']).toMatchObject({ ok: false, items: ['public.tenants'] });
  });

  it('refuses what is no node, and a tenant that is not distributed', async () => {
    const { database } = fleet();
    const project = await fleet().project();
    const usage = { code: 'USAGE', exitCode: 2 };
    await expect(moveTenant(project, { schema: 'a2', to: '10.0.0.1:1' })).rejects.toMatchObject(usage);
    await expect(moveTenant(project, { schema: 'a2', to: 'nowhere' })).rejects.toMatchObject(usage);
    await expect(moveTenant(project, { schema: 'a1', to: database.workers[0] ?? '' })).rejects.toMatchObject(usage);
  });
});
