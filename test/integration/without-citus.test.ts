import { expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import { distributeTenants } from '../../src/lifecycle/citus/distribute-tenants.js';
import { moveTenant } from '../../src/lifecycle/citus/move-tenant.js';
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

it('refuses to place or move tenants, with exit code 2', async () => {
  const refused = { code: 'CITUS_UNAVAILABLE', exitCode: 2, message: expect.stringContaining('Citus') as string };
  const project = await fleet.project();
  await expect(distributeTenants(project, {})).rejects.toMatchObject(refused);
  await expect(moveTenant(project, { schema: 't1', to: '127.0.0.1:5432' })).rejects.toMatchObject(refused);
});

it('passes the checks of doctor that are about a cluster', async () => {
  const { checks } = await doctor(await fleet.project());
  const about = checks.filter(({ name }) => name.startsWith('citus-'));
  expect(about.map(({ ok, actual }) => [ok, actual])).toEqual(about.map(() => [true, 'no Citus']));
  expect(about).toHaveLength(4);
});

it('migrates with a configuration that is made for a cluster', async () => {
  await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
  expect((await fleet.migrate({}, await distributing())).tenants).toMatchObject({ applied: 1, failed: 0 });
});
