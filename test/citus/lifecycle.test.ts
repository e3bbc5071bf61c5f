import { expect, it } from 'vitest';

import { listTenants } from '../../src/fleet/list-tenants.js';
import { status } from '../../src/fleet/status.js';
import { cloneTenant } from '../../src/lifecycle/clone-tenant.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import { describeCitus, nodeOf, useCitusFleet } from '../support/citus.js';
import { ask } from '../support/every-command.js';

describeCitus('the life of a tenant on a node', () => {
  const fleet = useCitusFleet();

  it('tells where tenants stand that are asked for by name', async () => {
    await createTenant(await fleet().project(), { schema: 'acme', domains: ['acme.example.com'] });
    await createTenant(await fleet().project(), { schema: 'beta' });
    const { details } = await status(await fleet().project(), { names: ['acme', 'beta'] });
    expect(details).toMatchObject([{ tenant: 'acme', state: 'upToDate' }, { tenant: 'beta' }]);
    expect(details?.map(({ node }) => node).sort()).toEqual([...fleet().database.workers].sort());
  });

  it('asks and writes in each tenant', async () => {
    await ask(await fleet().project(), `INSERT INTO projects (name) VALUES ('of a tenant')`, true);
    expect(await ask(await fleet().project(), 'SELECT name FROM projects')).toEqual({
      rows: [
        ['acme', 'of a tenant'],
        ['beta', 'of a tenant'],
      ],
      failed: [],
    });
  });

  it('renames a tenant where it is', async () => {
    const before = await nodeOf(fleet().database, 'acme');
    await renameTenant(await fleet().project(), { from: 'acme', to: 'acme_inc' });
    expect(await nodeOf(fleet().database, 'acme_inc')).toBe(before);
    expect((await fleet().migrate()).tenants).toMatchObject({ upToDate: 2, failed: 0 });
  });

  it('clones a tenant to a node, with its rows', async () => {
    await cloneTenant(await fleet().project(), { source: 'acme_inc', schema: 'copy' });
    const { database } = fleet();
    expect(database.workers).toContain(await nodeOf(database, 'copy'));
    expect((await database.query('SELECT name FROM copy.projects')).rows).toEqual([{ name: 'of a tenant' }]);
    expect((await database.query('SELECT name FROM acme_inc.projects')).rows).toEqual([{ name: 'of a tenant' }]);
    await fleet().tenantMigration('0002_two.sql', 'ALTER TABLE projects ADD COLUMN size int;');
    expect((await fleet().migrate()).tenants).toMatchObject({ applied: 3, failed: 0 });
  });

  it('deletes a tenant on every node', async () => {
    await deleteTenant(await fleet().project(), { schema: 'beta' });
    const { database } = fleet();
    for (const node of database.workers) {
      const { rows } = await database.on(node, `SELECT nspname FROM pg_namespace WHERE nspname = 'beta'`);
      expect(rows).toEqual([]);
    }
    expect((await listTenants(await fleet().project())).map(({ schema }) => schema)).toEqual(['acme_inc', 'copy']);
  });
});
