import { createRequire } from 'node:module';

import { Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import { isTenantsError } from '../../src/errors/tenants-error.js';
import { listTenants } from '../../src/fleet/list-tenants.js';
import { status } from '../../src/fleet/status.js';
import { cloneTenant, type CloneTenantOptions } from '../../src/lifecycle/clone-tenant.js';
import { createDomain } from '../../src/lifecycle/create-domain.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { deleteDomain } from '../../src/lifecycle/delete-domain.js';
import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import type { Project } from '../../src/project/project.js';
import { migrate } from '../../src/run/migrate.js';
import { plan } from '../../src/run/plan.js';
import { rollback } from '../../src/run/rollback.js';
import { createTenancy } from '../../src/runtime/tenancy.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { ask, execute } from '../support/every-command.js';
import { createFleet, prepareFleet, type TestFleet } from '../support/fleet.js';
import { namesIn, plantShadows, recordSql, shadowCalls } from '../support/shadow-objects.js';

const PG = createRequire(import.meta.url).resolve('pg');

/** A fleet of three tenants in a database of its own, with migrations of every kind to come. */
async function createPlace(): Promise<{ database: TestDatabase; fleet: TestFleet }> {
  const template = await prepareFleet('', { tenants: ['t1', 't2', 't3'] });
  const database = await createTestDatabase({ template });
  const fleet = await createFleet(database);
  await fleet.tenantMigration('0002_rows.sql', ROWS);
  await fleet.tenantMigration(
    '0003_more.sql',
    '-- Up Migration\nINSERT INTO parts VALUES (2, 2);\n-- Down Migration\nDELETE FROM parts;',
  );
  await fleet.tenantMigration('0004_asks.js', ASKS);
  await fleet.tenantMigration('0005_index.sql', INDEX);
  return { database, fleet };
}

/** Deferrable constraints and rows; the second migration of the kind gets them back deferred. */
const ROWS = `-- Up Migration
CREATE TABLE parts (id int PRIMARY KEY, whole int REFERENCES parts DEFERRABLE INITIALLY DEFERRED);
INSERT INTO parts VALUES (1, 1);
ALTER TABLE projects ADD COLUMN more int;
-- Down Migration
ALTER TABLE projects DROP COLUMN more;
DROP TABLE parts;
`;
const ASKS = `exports.up = async (pgm) => {
  await pgm.db.query('TABLE projects');
  pgm.createTable('asked', { id: 'int' });
};
exports.down = (pgm) => pgm.dropTable('asked');
`;
const INDEX = `-- Up Migration
-- tenants: no-transaction
CREATE INDEX CONCURRENTLY parts_whole ON parts (whole);
-- Down Migration
-- tenants: no-transaction
DROP INDEX CONCURRENTLY parts_whole;
`;
const ALL = { kind: 'all' } as const;

/** Everything there is to be done with a fleet, on the tenant `t1` above all. */
async function doEverything(project: Project, spy: Pool): Promise<void> {
  const told: string[] = [];
  const hook = async ({ client }: { client?: { query(sql: string): Promise<unknown> } | undefined }): Promise<void> => {
    await client?.query('TABLE projects');
    told.push('called');
  };
  const alone = (): void => void told.push('called');
  const hooked = {
    ...project,
    hooks: { beforeMigrate: hook, afterMigrate: hook, beforeRollback: hook, afterRollback: hook },
  } as Project;
  expect((await status(project)).tenants).toMatchObject({ total: 3, pending: 3 });
  await status(project, { names: ['t1'] });
  expect((await plan(project, { selection: ALL, sql: true })).cohorts).toMatchObject([{ count: 3 }]);
  expect((await migrate(hooked, { selection: ALL })).tenants).toMatchObject({ applied: 3, failed: 0 });
  expect(told.length).toBeGreaterThan(0);
  const some = { kind: 'tenants' as const, names: ['t1', 't2'] };
  const undone = await rollback(hooked, { selection: some, target: { count: 3 }, confirmed: true });
  expect(undone.tenants).toMatchObject({ rolledBack: 2, failed: 0 });
  const perMigration = { ...project, transaction: 'migration', fallThrough: 'warn' } as Project;
  expect((await migrate(perMigration, { selection: ALL })).tenants).toMatchObject({ applied: 2, failed: 0 });
  expect((await listTenants(project)).map(({ schema }) => schema)).toEqual(['t1', 't2', 't3']);
  await createDomain(project, { schema: 't1', domain: 't1.example.com' });
  await createDomain(project, { schema: 't1', domain: 'other.example.com', primary: true });
  await deleteDomain(project, { domain: 'other.example.com' });
  expect(await ask(project, 'TABLE projects')).toMatchObject({ failed: [] });
  expect(await ask(project, 'INSERT INTO projects DEFAULT VALUES', true)).toMatchObject({ failed: [] });
  const node = `const { Client } = require(${JSON.stringify(PG)}); (async () => { const c = new Client({ connectionString: process.env.DATABASE_URL });
    await c.connect(); console.log((await c.query('SHOW search_path')).rows[0].search_path.split(',')[0]); await c.end(); })()`;
  expect(await execute(project, process.execPath, '-e', node)).toMatchObject({ t1: '"t1"' });
  await useLibrary(project, spy);
  await createTenant({ ...project, hooks: { beforeCreateTenant: alone, afterCreateTenant: alone } } as Project, {
    schema: 'made',
    domains: ['made.example.com'],
  });
  await createTenant(project, { schema: 'public', domains: ['public.example.com'] });
  await clone(project, { source: 't2', schema: 'cloned', noData: true });
  await clone(project, { source: 't2', schema: 'whole' });
  await spy.query(
    'ALTER TABLE t2.pgmigrations DROP CONSTRAINT pgmigrations_pkey; DROP TRIGGER tenants_registry_notify ON public.tenants',
  );
  await doctor(project);
  const names = (await doctor(project, { fix: true })).checks.filter(({ failures }) => failures !== undefined);
  expect(names).toEqual([]);
  await renameTenant({ ...project, hooks: { beforeRenameTenant: hook } } as Project, { from: 't1', to: 'renamed' });
  await deleteTenant({ ...project, hooks: { beforeDeleteTenant: hook } } as Project, { schema: 't3' });
  await deleteTenant(project, { schema: 'renamed', batchSize: 2000 });
}

/** Where `pg_dump` is older than the server there is no clone. */
async function clone(project: Project, options: CloneTenantOptions): Promise<void> {
  await cloneTenant(project, options).catch((error: unknown) => {
    if (!isTenantsError(error) || error.code !== 'PG_DUMP_UNAVAILABLE') throw error;
  });
}

async function useLibrary(project: Project, pool: Pool): Promise<void> {
  const tenancy = createTenancy({ pool, migrations: project.tenants.migrations, listen: false });
  const tenant = await tenancy.resolve('t1.example.com');
  if (tenant === null) throw new Error('The tenant is not found.');
  expect(await tenancy.find('t2')).not.toBeNull();
  await tenancy.withTenant(tenant, async (client) => {
    await client.query('TABLE projects');
    await tenancy.withTenant(tenant, (inner) => inner.query('TABLE projects'));
  });
  await tenancy.withTenant(tenant, (client) => client.query('TABLE projects'), { transaction: false });
  await tenancy.eachTenant((client) => client.query('TABLE projects'));
  await tenancy.isReady(tenant);
  await tenancy.close();
}

describe('functions and operators that others have made are never called', () => {
  const places: { database: TestDatabase; fleet: TestFleet }[] = [];
  const roles: string[] = [];
  let pool: Pool | undefined;

  beforeEach(() => expect(places).toEqual([]));
  afterEach(async () => {
    await pool?.end();
    for (const { fleet } of places) await fleet.remove();
    for (const { database } of places) {
      for (const role of roles) await database.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
      roles.length = 0;
      await database.drop();
    }
    places.length = 0;
  });

  const makePlace = async (): Promise<{ database: TestDatabase; fleet: TestFleet }> => {
    const place = await createPlace();
    places.unshift(place);
    return place;
  };

  it.each([
    ['someone who may create in the shared schema', 'public'],
    ["the owner of a tenant's schema", 't1'],
  ])(
    'with the rights of %s',
    async (_who, schema) => {
      const recorded = await makePlace();
      const recording = await recordSql(recorded.database);
      pool = new Pool(recording.proxy.config);
      await doEverything(await recorded.fleet.project({ database: recording.proxy.config }), pool);
      await pool.end();
      await recording.proxy.close();
      const names = await namesIn(recorded.database, recording.sql());
      expect(names.functions.map(({ name }) => name)).toEqual(
        expect.arrayContaining([
          'set_config',
          'current_schema',
          'format',
          'json_build_object',
          'pg_advisory_unlock_all',
        ]),
      );

      const { database, fleet } = await makePlace();
      const role = `evil_${database.name}`;
      await database.query(`CREATE ROLE ${role}`);
      roles.push(role);
      await database.query(
        schema === 'public'
          ? `GRANT USAGE, CREATE ON SCHEMA public TO ${role}`
          : `ALTER SCHEMA ${schema} OWNER TO ${role}`,
      );
      expect(await plantShadows(database, { schema, role }, names)).toBeGreaterThan(1000);
      pool = new Pool(database.config);
      await doEverything(await fleet.project(), pool);
      expect(await shadowCalls(database)).toBe(0);
      // Only the path keeps them from being found.
      if (schema !== 'public') return;
      await expect(database.query(`SELECT 'a'::varchar = 'b'::text`)).rejects.toThrow('shadow');
      expect(await shadowCalls(database)).toBe(1);
    },
    120_000,
  );
});
