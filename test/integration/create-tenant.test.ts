import { runner } from 'node-pg-migrate';
import { beforeEach, describe, expect, it } from 'vitest';

import { listTenants } from '../../src/fleet/list-tenants.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import type { CreatedTenant, CreateTenantOptions } from '../../src/lifecycle/create-types.js';
import type { Project } from '../../src/project/project.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({
  each: true,
  files: {
    'tenants.config.json': JSON.stringify({ tenants: { types: { shop: './migrations/shop' } } }),
    'migrations/shop/0001_goods.sql': 'CREATE TABLE goods (id int);',
    'migrations/shared/0002_extra.sql': `ALTER TABLE tenants ADD COLUMN plan text CHECK (plan <> 'none'), ADD COLUMN seats int;`,
  },
  tenants: [],
});
const { database } = fleet;

async function create(options: CreateTenantOptions, overrides: Partial<Project> = {}): Promise<CreatedTenant> {
  return await createTenant(await fleet.project(overrides), options);
}

/** Everything that a call can have changed: rows, schemas and the number of objects. */
async function picture(): Promise<unknown> {
  const { rows } = await database.query(
    `SELECT (SELECT json_agg(t ORDER BY id) FROM tenants t) AS tenants, (SELECT json_agg(d ORDER BY id) FROM domains d) AS domains,
            (SELECT json_agg(nspname::text ORDER BY nspname) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_temp%' AND nspname NOT LIKE 'pg\\_toast\\_temp%') AS schemas,
            (SELECT count(*) FROM pg_class c WHERE relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_%')) AS objects`,
  );
  return rows[0];
}

describe('a new tenant', () => {
  it('with everything', async () => {
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    const made = await create({
      schema: 'acme',
      domains: ['acme.example.com', 'www.acme.test'],
      label: 'Acme, Inc.',
      set: { plan: 'gold', seats: '12' },
    });
    expect(made).toEqual({
      created: true,
      tenant: { schema: 'acme', name: 'Acme, Inc.', type: null, status: 'active' },
      domains: [
        { domain: 'acme.example.com', primary: true },
        { domain: 'www.acme.test', primary: false },
      ],
      migrations: ['0001_projects', '0002_two'],
      durationMs: expect.any(Number) as number,
    });
    const { rows } = await database.query(`SELECT plan, seats FROM tenants WHERE schema_name = 'acme'`);
    expect(rows).toEqual([{ plan: 'gold', seats: 12 }]);
    expect(await fleet.tables('acme')).toEqual(['pgmigrations', 'projects', 'two']);
    expect((await fleet.migrate()).tenants).toMatchObject({ total: 1, upToDate: 1 });
  });

  it('of a type', async () => {
    const made = await create({ schema: 'corner', type: 'shop' });
    expect(made).toMatchObject({ tenant: { type: 'shop' }, migrations: ['0001_goods'] });
    expect(await fleet.tables('corner')).toEqual(['goods', 'pgmigrations']);
  });

  it('sets off triggers of the registry that find the shared schema by the search path', async () => {
    await database.query('CREATE TABLE public.seen (schema_name text)');
    await database.query(
      `CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (NEW.schema_name); RETURN NEW; END $$`,
    );
    await database.query('CREATE TRIGGER see AFTER INSERT ON public.tenants FOR EACH ROW EXECUTE FUNCTION see()');
    await fleet.create('watched');
    expect((await database.query('SELECT schema_name FROM public.seen')).rows).toEqual([{ schema_name: 'watched' }]);
  });

  it('without migrations is pending afterwards', async () => {
    expect(await create({ schema: 'bare', noMigrate: true })).toMatchObject({ migrations: [] });
    expect(await fleet.applied('bare')).toEqual([]);
    expect((await fleet.migrate()).tenants).toMatchObject({ applied: 1 });
  });

  it('the public one has domains, no schema and no migrations', async () => {
    const made = await create({ schema: 'public', domains: ['example.com'] });
    expect(made).toMatchObject({ tenant: { schema: 'public', status: 'active' }, migrations: [] });
    expect((await fleet.migrate()).tenants.total).toBe(0);
    expect(await listTenants(await fleet.project())).toMatchObject([{ schema: 'public' }]);
    await expect(create({ schema: 'public' })).rejects.toMatchObject({ code: 'TENANT_EXISTS' });
  });
});

describe('bad input changes nothing', () => {
  beforeEach(async () => {
    await create({ schema: 'taken', domains: ['taken.example.com'] });
    await database.query('CREATE SCHEMA stray; CREATE SCHEMA "Mixed"');
  });

  it.each<[string, CreateTenantOptions, string]>([
    ['an upper-case name', { schema: 'Acme' }, 'INVALID_NAME'],
    ['a name with a hyphen', { schema: 'ac-me' }, 'INVALID_NAME'],
    ['a name that begins with a digit', { schema: '1acme' }, 'INVALID_NAME'],
    ['an empty name', { schema: '' }, 'INVALID_NAME'],
    ['a name that is too long', { schema: 'a'.repeat(64) }, 'INVALID_NAME'],
    ['a name of PostgreSQL', { schema: 'pg_acme' }, 'INVALID_NAME'],
    ['information_schema', { schema: 'information_schema' }, 'INVALID_NAME'],
    ['a name with a quote', { schema: `a"; DROP TABLE tenants; --` }, 'INVALID_NAME'],
    ['a name that differs in case only', { schema: 'mixed' }, 'INVALID_NAME'],
    ['a registered name', { schema: 'taken' }, 'TENANT_EXISTS'],
    ['a registered name, adopted', { schema: 'taken', adopt: true }, 'TENANT_EXISTS'],
    ['an existing schema', { schema: 'stray' }, 'SCHEMA_EXISTS'],
    ['a schema to adopt that is not there', { schema: 'nowhere', adopt: true }, 'USAGE'],
    ['a schema of PostgreSQL to adopt', { schema: 'pg_catalog', adopt: true }, 'INVALID_NAME'],
    ['no name to adopt', { schema: '', adopt: true }, 'USAGE'],
    ['a domain with a scheme', { schema: 'acme', domains: ['https://acme.com'] }, 'INVALID_DOMAIN'],
    ['a domain with a port', { schema: 'acme', domains: ['acme.com:8080'] }, 'INVALID_DOMAIN'],
    ['a second domain with two trailing dots', { schema: 'acme', domains: ['acme.com', 'b.com..'] }, 'INVALID_DOMAIN'],
    ['a domain twice in two spellings', { schema: 'acme', domains: ['acme.com', 'ACME.com.'] }, 'USAGE'],
    ['a taken domain in upper case', { schema: 'acme', domains: ['Taken.example.com.'] }, 'DOMAIN_TAKEN'],
    ['an empty domain', { schema: 'acme', domains: [''] }, 'INVALID_DOMAIN'],
    ['a taken domain', { schema: 'acme', domains: ['a.com', 'taken.example.com'] }, 'DOMAIN_TAKEN'],
    ['a domain twice', { schema: 'acme', domains: ['a.com', 'a.com'] }, 'USAGE'],
    ['a type that is not configured', { schema: 'acme', type: 'pub' }, 'UNKNOWN_TYPE'],
    ['a type that every object has', { schema: 'acme', type: 'constructor' }, 'UNKNOWN_TYPE'],
    ['a column that is not there', { schema: 'acme', set: { plam: 'gold' } }, 'USAGE'],
    ['a column that has a flag', { schema: 'acme', set: { status: 'x' } }, 'USAGE'],
    ['a value that is no number', { schema: 'acme', set: { seats: 'many' } }, 'USAGE'],
    ['a value that a constraint refuses', { schema: 'acme', set: { plan: 'none' } }, 'USAGE'],
    ['the public tenant with a taken domain', { schema: 'public', domains: ['taken.example.com'] }, 'DOMAIN_TAKEN'],
  ])('%s', async (_what, options, code) => {
    const before = await picture();
    await expect(create(options)).rejects.toMatchObject({ code, exitCode: 2 });
    expect(await picture()).toEqual(before);
  });

  it('a taken domain names its owner', async () => {
    await expect(create({ schema: 'acme', domains: ['taken.example.com'] })).rejects.toMatchObject({
      message: expect.stringContaining('"taken"') as string,
    });
  });

  it('pending shared migrations are named, with the command to run', async () => {
    await fleet.files.write('migrations/shared/0003_plans.sql', 'CREATE TABLE plans (id int);');
    const before = await picture();
    await expect(create({ schema: 'acme' })).rejects.toMatchObject({
      code: 'SHARED_PENDING',
      exitCode: 2,
      message: expect.stringContaining('0003_plans') as string,
      suggestions: [expect.stringContaining('tenants migrate --shared') as string],
    });
    expect(await picture()).toEqual(before);
  });

  it('a failing migration leaves nothing, and says where it failed', async () => {
    await fleet.tenantMigration('0002_broken.sql', 'CREATE TABLE half (id int);\nSELECT 1 / 0;');
    const before = await picture();
    await expect(create({ schema: 'acme', domains: ['acme.com'] })).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      exitCode: 1,
      details: { tenant: 'acme', migration: '0002_broken', line: 2, sqlstate: '22012' },
    });
    expect(await picture()).toEqual(before);
  });

  it('a refused migration is refused before anything is written', async () => {
    await fleet.tenantMigration('0002_refused.sql', 'COMMIT;');
    const before = await picture();
    await expect(create({ schema: 'acme' })).rejects.toMatchObject({ code: 'MIGRATION_REFUSED', exitCode: 2 });
    expect(await picture()).toEqual(before);
  });

  it('a registry that is not there', async () => {
    await database.query('ALTER TABLE domains RENAME TO elsewhere');
    await expect(create({ schema: 'acme' })).rejects.toMatchObject({ code: 'REGISTRY_MISMATCH' });
    await database.query('ALTER TABLE tenants RENAME TO elsewhere_too');
    await expect(create({ schema: 'acme' })).rejects.toMatchObject({ code: 'REGISTRY_MISSING' });
  });
});

describe('if it does not exist', () => {
  it('the same tenant with the same domains is what was wished for', async () => {
    await create({ schema: 'acme', domains: ['acme.com', 'acme.org'] });
    const before = await picture();
    const again = await create({ schema: 'acme', domains: ['acme.org'], ifNotExists: true });
    expect(again).toMatchObject({ tenant: { schema: 'acme', status: 'active' }, migrations: [] });
    expect(await picture()).toEqual(before);
    await expect(create({ schema: 'acme', domains: ['acme.net'], ifNotExists: true })).rejects.toMatchObject({
      code: 'TENANT_EXISTS',
      message: expect.stringContaining('acme.net') as string,
    });
    expect(await picture()).toEqual(before);
  });

  it('one that is being deleted is not', async () => {
    await create({ schema: 'acme' });
    await database.query(`UPDATE tenants SET status = 'deleting'`);
    await expect(create({ schema: 'acme', ifNotExists: true })).rejects.toMatchObject({ code: 'TENANT_EXISTS' });
  });
});

describe('taking over a schema', () => {
  it('without anything in it', async () => {
    await database.query('CREATE SCHEMA "Old One"');
    const made = await create({ schema: 'Old One', adopt: true });
    expect(made.migrations).toEqual(['0001_projects']);
    expect(await fleet.tables('Old One')).toEqual(['pgmigrations', 'projects']);
  });

  it('that node-pg-migrate has migrated half way', async () => {
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    await fleet.tenantMigration('0003_three.sql', 'CREATE TABLE three (id int);');
    await runner({
      databaseUrl: database.url,
      dir: fleet.files.path('migrations', 'tenant'),
      direction: 'up',
      migrationsTable: 'pgmigrations',
      schema: 'halfway',
      createSchema: true,
      count: 2,
      log: () => undefined,
    });
    expect((await create({ schema: 'halfway', adopt: true })).migrations).toEqual(['0003_three']);
    expect(await fleet.applied('halfway')).toEqual(['0001_projects', '0002_two', '0003_three']);
  });

  it('that is complete, or that stays as it is', async () => {
    await create({ schema: 'acme' });
    await database.query(`DELETE FROM tenants`);
    expect((await create({ schema: 'acme', adopt: true })).migrations).toEqual([]);
    await database.query(`DELETE FROM tenants`);
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    expect((await create({ schema: 'acme', adopt: true, noMigrate: true })).migrations).toEqual([]);
    expect(await fleet.applied('acme')).toEqual(['0001_projects']);
  });

  it('leaves it as it was when a migration fails', async () => {
    await database.query('CREATE SCHEMA mine; CREATE TABLE mine.projects (mine int)');
    const before = await picture();
    await expect(create({ schema: 'mine', adopt: true })).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
    expect(await picture()).toEqual(before);
  });

  it('one that has the tables, and no record of the migrations, can be taken by the way that the failure names', async () => {
    await database.query('CREATE SCHEMA mine; CREATE TABLE mine.projects (mine int)');
    await expect(create({ schema: 'mine', adopt: true })).rejects.toMatchObject({
      details: { sqlstate: '42P07' },
      suggestions: [
        'To register the schema as it is, run: tenants create-tenant mine --adopt --no-migrate',
        'Then record the migrations whose objects it has, up to the last of them: tenants migrate --tenant mine --fake --to 0001_projects',
      ],
    });
    await create({ schema: 'mine', adopt: true, noMigrate: true });
    const selection = { kind: 'tenants', names: ['mine'] } as const;
    const report = await fleet.migrate({ selection, fake: true, target: { to: '0001_projects' } });
    expect(report.results).toMatchObject([{ tenant: 'mine', status: 'applied', migrations: ['0001_projects'] }]);
    expect(await fleet.applied('mine')).toEqual(['0001_projects']);
  });

  it('one that is ahead of the files is refused', async () => {
    await create({ schema: 'acme' });
    await database.query(`DELETE FROM tenants; INSERT INTO acme.pgmigrations (name, run_on) VALUES ('0009_x', now())`);
    const before = await picture();
    await expect(create({ schema: 'acme', adopt: true })).rejects.toMatchObject({ code: 'TENANT_AHEAD' });
    expect(await picture()).toEqual(before);
  });
});

describe('ten at once', () => {
  it('one wins, the others learn that the tenant is there', async () => {
    const settled = await Promise.allSettled(
      Array.from({ length: 10 }, () => create({ schema: 'acme', domains: ['acme.com'] }, { lockTimeoutMs: 20_000 })),
    );
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of settled) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'TENANT_EXISTS', exitCode: 2 });
    }
    expect(await fleet.applied('acme')).toEqual(['0001_projects']);
  });

  it('if it does not exist: all succeed, one of them made it', async () => {
    const made = await Promise.all(
      Array.from({ length: 10 }, () =>
        create({ schema: 'acme', domains: ['a.com'], ifNotExists: true }, { lockTimeoutMs: 20_000 }),
      ),
    );
    expect(made.filter(({ migrations }) => migrations.length === 1)).toHaveLength(1);
    expect(made.map(({ tenant }) => tenant.status)).toEqual(Array.from({ length: 10 }, () => 'active'));
  });

  it('different tenants that want the same domain: one gets it', async () => {
    const settled = await Promise.allSettled(
      Array.from({ length: 5 }, (_, index) =>
        create({ schema: `t${index}`, domains: ['shared.com'] }, { lockTimeoutMs: 20_000 }),
      ),
    );
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of settled) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'DOMAIN_TAKEN', exitCode: 2 });
    }
    const { rows } = await database.query(`SELECT count(*)::int AS n FROM pg_namespace WHERE nspname ~ '^t[0-9]$'`);
    expect(rows).toEqual([{ n: 1 }]);
  });
});
