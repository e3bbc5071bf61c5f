import { rm } from 'node:fs/promises';

import { beforeEach, describe, expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import { listTenants } from '../../src/fleet/list-tenants.js';
import { status } from '../../src/fleet/status.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { pool } from '../../src/lifecycle/pool/pool.js';
import type { PoolOfType, PoolOptions } from '../../src/lifecycle/pool/types.js';
import type { CreateHookContext } from '../../src/project/hook-types.js';
import type { Project } from '../../src/project/project.js';
import { drift } from '../../src/structure/drift.js';
import { useFleet } from '../support/fleet.js';

const FIRST = `-- Up Migration
CREATE TABLE projects (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
CREATE FUNCTION total() RETURNS bigint LANGUAGE sql SET search_path FROM CURRENT AS 'SELECT count(*) FROM projects';
CREATE VIEW names AS SELECT name FROM projects;
INSERT INTO projects (name) VALUES ('first');
`;

const fleet = useFleet({
  files: {
    'tenants.config.json': JSON.stringify({ tenants: { types: { shop: './migrations/shop' } } }),
    'migrations/shop/0001_goods.sql': 'CREATE TABLE goods (id int);',
  },
  tenants: [],
});

beforeEach(async () => {
  const { rows } = await fleet.database.query<{ name: string }>(
    `SELECT nspname::text AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> ALL ('{public,information_schema,tenants_journal}')`,
  );
  for (const { name } of rows) await fleet.database.query(`DROP SCHEMA "${name}" CASCADE`);
  await fleet.database.query('DELETE FROM tenants');
  for (const file of ['0002_two.sql', '0002_index.sql']) {
    await rm(fleet.files.path('migrations/tenant', file), { force: true });
  }
  await fleet.tenantMigration('0001_projects.sql', FIRST);
});

async function fill(size: number, options: PoolOptions = {}, overrides: Partial<Project> = {}) {
  return await pool(await fleet.project(overrides), { fill: true, size, ...options });
}

async function ofDefaultType(): Promise<PoolOfType | undefined> {
  return (await pool(await fleet.project())).pools.find(({ type }) => type === null);
}

async function poolNames(): Promise<string[]> {
  const { rows } = await fleet.database.query<{ name: string }>(
    `SELECT nspname::text AS name FROM pg_namespace WHERE nspname ~ '^tenants_pool_' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/** Everything in the catalogs that is text and has a name of the pool in it, but for the names of its schemas and their marks. */
async function traces(schema: string): Promise<unknown[]> {
  const { rows } = await fleet.database.query(
    `WITH p AS MATERIALIZED (SELECT p.* FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1 AND p.prokind = 'f')
     SELECT 'function' AS kind, p.oid::regprocedure::text AS name FROM p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = $1 AND p.prokind = 'f' AND (pg_get_functiondef(p.oid) ~ 'tenants_pool_')
     UNION ALL SELECT 'view', c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind = 'v' AND pg_get_viewdef(c.oid) ~ 'tenants_pool_'
     UNION ALL SELECT 'comment', obj_description(n.oid, 'pg_namespace') FROM pg_namespace n
      WHERE n.nspname = $1 AND obj_description(n.oid, 'pg_namespace') IS NOT NULL`,
    [schema],
  );
  return rows;
}

describe('the pool', () => {
  it('gives a new tenant a schema that was made ahead, in which nothing has its old name', async () => {
    await createTenant(await fleet.project(), { schema: 'replayed' });
    const filled = await fill(2);
    expect(filled).toMatchObject({ failures: [], busy: false, warnings: [] });
    expect(filled.pools).toMatchObject([
      { type: null, size: 2, ready: 2, created: 2 },
      { type: 'shop', size: 2, ready: 2, created: 2 },
    ]);
    const made = await createTenant(await fleet.project(), { schema: 'acme', domains: ['acme.test'], label: 'Acme' });
    expect(made).toMatchObject({
      created: true,
      tenant: { schema: 'acme', name: 'Acme', status: 'active' },
      domains: [{ domain: 'acme.test', primary: true }],
      migrations: ['0001_projects'],
    });
    expect(await traces('acme')).toEqual([]);
    expect((await fleet.database.query(`SELECT acme.total() AS n`)).rows).toEqual([{ n: '1' }]);
    expect(await ofDefaultType()).toMatchObject({ ready: 1 });
    const corner = await createTenant(await fleet.project(), { schema: 'corner', type: 'shop' });
    expect(corner.migrations).toEqual(['0001_goods']);
    const report = await drift(await fleet.project(), { level: 'owners' });
    expect(report.tenants).toMatchObject({ total: 3, different: 0 });
    expect((await fleet.migrate()).tenants).toMatchObject({ total: 3, upToDate: 3 });
  });

  it('is in no list, and doctor knows it', async () => {
    await fill(1);
    expect(await listTenants(await fleet.project())).toEqual([]);
    expect(await status(await fleet.project())).toMatchObject({ tenants: { total: 0 }, cohorts: [] });
    const { checks } = await doctor(await fleet.project());
    const of = (name: string) => checks.find((check) => check.name === name);
    expect(of('unregistered-schemas')).toMatchObject({ ok: true });
    expect(of('tenant-pool')).toMatchObject({ ok: true, actual: '2 schemas ready' });
  });

  it('gives 20 sign-ups at once a schema each, and makes one for those that find none', async () => {
    await fill(12);
    const project = await fleet.project();
    const names = Array.from({ length: 20 }, (_, index) => `t${index}`);
    const made = await Promise.all(names.map((schema) => createTenant(project, { schema })));
    expect(made.every(({ created, migrations }) => created && migrations.length === 1)).toBe(true);
    expect((await listTenants(project)).map(({ schema }) => schema)).toEqual(names.toSorted());
    for (const name of names) expect(await fleet.tables(name)).toEqual(['pgmigrations', 'projects']);
    expect(await ofDefaultType()).toMatchObject({ ready: 0, stale: 0, unfinished: 0 });
  });

  it('is migrated with the fleet, while sign-ups go on', async () => {
    const settings = { pool: { size: 4 } };
    await fleet.migrate({}, settings);
    expect(await ofDefaultType()).toMatchObject({ ready: 4 });
    const before = await poolNames();
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    expect(await ofDefaultType()).toMatchObject({ ready: 0, stale: 4 });
    const stale = await doctor(await fleet.project(settings));
    expect(stale.checks.find(({ name }) => name === 'tenant-pool')).toMatchObject({ ok: false });
    const project = await fleet.project();
    const running = fleet.migrate({}, settings);
    const made = await Promise.all(['a', 'b', 'c', 'd'].map((schema) => createTenant(project, { schema })));
    expect((await running).warnings).toEqual([]);
    expect(made.map(({ migrations }) => migrations.length)).toEqual([2, 2, 2, 2]);
    await fleet.migrate({}, settings);
    expect(await ofDefaultType()).toMatchObject({ ready: 4, stale: 0 });
    expect((await poolNames()).filter((name) => before.includes(name)).length).toBeGreaterThan(0);
    expect((await drift(project, {})).tenants).toMatchObject({ total: 4, different: 0 });
  });

  it('replaces schemas whose files were changed, and takes surplus ones away', async () => {
    await fill(3);
    const before = await poolNames();
    await fleet.tenantMigration('0001_projects.sql', FIRST.replace('name text', 'name text, more int'));
    const made = await createTenant(await fleet.project(), { schema: 'acme' });
    expect(made.migrations).toEqual(['0001_projects']);
    const { rows } = await fleet.database.query(
      `SELECT FROM information_schema.columns WHERE table_schema = 'acme' AND column_name = 'more'`,
    );
    expect(rows).toHaveLength(1);
    expect((await fill(1)).pools[0]).toMatchObject({ ready: 1, created: 1, dropped: 3 });
    expect((await fill(0)).pools).toMatchObject([
      { ready: 0, dropped: 1 },
      { ready: 0, dropped: 1 },
    ]);
    expect((await poolNames()).filter((name) => before.includes(name))).toEqual([]);
  });

  it('makes none where the name of the schema or rows of other schemas would stay behind', async () => {
    await fleet.tenantMigration(
      '0001_projects.sql',
      `CREATE TABLE projects (at text); INSERT INTO projects SELECT current_schema();`,
    );
    const inRows = await fill(2);
    expect(inRows.failures).toMatchObject([
      { type: null, message: expect.stringMatching(/row of the table "projects"/) },
    ]);
    expect(inRows.pools).toMatchObject([
      { type: null, ready: 0, unfinished: 0 },
      { type: 'shop', ready: 2 },
    ]);
    await fleet.tenantMigration(
      '0001_projects.sql',
      `CREATE TABLE projects (id int);
       DO $$ BEGIN EXECUTE format('CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS ''SELECT count(*) FROM %I.projects''', current_schema()); END $$;`,
    );
    expect((await fill(2)).failures[0]?.message).toContain('The body of function');
    await fleet.database.query('CREATE TABLE IF NOT EXISTS public.audit (at text)');
    await fleet.tenantMigration(
      '0001_projects.sql',
      `-- tenants: allow-fall-through\nCREATE TABLE projects (id int); INSERT INTO public.audit SELECT current_schema();`,
    );
    expect((await fill(2)).failures[0]?.message).toContain('tables outside of the schema');
    expect((await fleet.database.query('SELECT FROM public.audit')).rows).toEqual([]);
    expect((await createTenant(await fleet.project(), { schema: 'acme' })).created).toBe(true);
  });

  it('says which migration fails, and leaves nothing', async () => {
    await fleet.tenantMigration('0001_projects.sql', 'CREATE TABLE projects (id int); SELECT 1 / 0;');
    const filled = await fill(2);
    expect(filled.failures).toMatchObject([{ type: null, message: expect.stringContaining('division by zero') }]);
    expect(filled.pools[0]).toMatchObject({ ready: 0, unfinished: 0 });
  });

  it('has schemas in which migrations outside of a transaction are done', async () => {
    await fleet.tenantMigration(
      '0002_index.sql',
      '-- Up Migration\n-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY named ON projects (name);\n',
    );
    expect((await fill(1)).failures).toEqual([]);
    const made = await createTenant(await fleet.project(), { schema: 'acme' });
    expect(made).toMatchObject({ migrations: ['0001_projects', '0002_index'], tenant: { status: 'active' } });
    expect(await ofDefaultType()).toMatchObject({ ready: 0 });
  });

  it('is not used when a hook fails, a name or a domain is taken, and is as it was then', async () => {
    await fill(1);
    const project = await fleet.project();
    await createTenant(project, { schema: 'shop', type: 'shop', domains: ['taken.test'] });
    const before = await poolNames();
    const hooks = { afterCreateTenant: () => Promise.reject(new Error('not today')) };
    await expect(createTenant(project, { schema: 'a', hooks })).rejects.toMatchObject({ code: 'HOOK_FAILED' });
    await expect(createTenant(project, { schema: 'a', domains: ['taken.test'] })).rejects.toMatchObject({
      code: 'DOMAIN_TAKEN',
    });
    await expect(createTenant(project, { schema: 'a', set: { nothing: '1' } })).rejects.toMatchObject({
      code: 'USAGE',
    });
    expect(await poolNames()).toEqual(before);
    expect(await ofDefaultType()).toMatchObject({ ready: 1 });
  });

  it('calls hooks about the tenant when it gets its schema, and none when the schema is made', async () => {
    const seen: string[] = [];
    const hooks = {
      beforeCreateTenant: ({ tenant }: CreateHookContext) => void seen.push(`before ${tenant}`),
      afterMigrate: async ({
        tenant,
        migrations,
        client,
      }: {
        tenant: string;
        migrations: string[];
        client?: unknown;
      }) => {
        await (client as CreateHookContext['client'])?.query(`INSERT INTO projects (name) VALUES ('hook')`);
        seen.push(`migrated ${tenant} ${migrations.join()}`);
      },
      afterCreateTenant: async ({ tenant, client }: CreateHookContext) => {
        seen.push(`after ${tenant} ${String((await client?.query('SELECT name FROM projects'))?.rowCount)}`);
      },
    };
    await fill(1, {}, { hooks });
    expect(seen).toEqual([]);
    await createTenant(await fleet.project({ hooks }), { schema: 'acme' });
    expect(seen).toEqual(['before acme', 'migrated acme 0001_projects', 'after acme 2']);
    expect(await ofDefaultType()).toMatchObject({ ready: 0 });
    await fill(1, {}, { hooks });
    await createTenant(await fleet.project({ hooks: { beforeMigrate: () => undefined } }), { schema: 'other' });
    expect(await ofDefaultType()).toMatchObject({ ready: 1 });
  });

  it('removes what a killed process had begun, and does not touch what is not its own', async () => {
    await fleet.database
      .query(`CREATE SCHEMA tenants_pool_0123456789abcdef; CREATE SCHEMA tenants_pool_fedcba9876543210;
      COMMENT ON SCHEMA tenants_pool_fedcba9876543210 IS 'pg-tenants-pool {"shared":"public","type":null,"files":null}';
      CREATE SCHEMA tenants_pool_1111111111111111;
      COMMENT ON SCHEMA tenants_pool_1111111111111111 IS 'pg-tenants-pool {"shared":"other","type":null,"files":null}'`);
    expect(await ofDefaultType()).toMatchObject({ ready: 0, unfinished: 1 });
    expect((await fill(0)).pools[0]).toMatchObject({ dropped: 1, unfinished: 0 });
    expect(await poolNames()).toEqual(['tenants_pool_0123456789abcdef', 'tenants_pool_1111111111111111']);
  });
});
