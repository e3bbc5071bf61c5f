import { expect, it } from 'vitest';

import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { createTenants } from '../../src/lifecycle/many/create-tenants.js';
import type { Project } from '../../src/project/project.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({ tenants: ['t1'] });

async function distributing(): Promise<Project> {
  const project = await fleet.project();
  return { ...project, tenants: { ...project.tenants, distribute: true } };
}

it('refuses to distribute a new tenant, and changes nothing', async () => {
  const refused = { code: 'CITUS_UNAVAILABLE', exitCode: 2, message: expect.stringContaining('Citus') as string };
  await expect(createTenant(await distributing(), { schema: 'acme' })).rejects.toMatchObject(refused);
  const listed = { tenants: { csv: 'schema\nacme\n' } };
  await expect(createTenants(await distributing(), listed)).rejects.toMatchObject(refused);
  const { rows } = await fleet.database.query('SELECT schema_name FROM public.tenants');
  expect(rows).toEqual([{ schema_name: 't1' }]);
});

it('migrates with a configuration that is made for a cluster', async () => {
  await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
  expect((await fleet.migrate({}, await distributing())).tenants).toMatchObject({ applied: 1, failed: 0 });
});
