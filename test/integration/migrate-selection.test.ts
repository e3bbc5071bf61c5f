import { rm } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import type { TenantsError } from '../../src/errors/tenants-error.js';
import { exitCodeOf } from '../../src/run/report.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({
  each: true,
  files: {
    'tenants.config.json': JSON.stringify({ tenants: { types: { shop: './migrations/shop' } } }),
    'migrations/shop/0001_goods.sql': 'CREATE TABLE goods (id int);',
  },
  tenants: ['acme', 'globex', 'initech'],
});
const { database } = fleet;

const TENANTS = { kind: 'tenants' } as const;
const two = (): Promise<void> => fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
const three = (): Promise<void> => fleet.tenantMigration('0003_three.sql', 'CREATE TABLE three (id int);');

describe('the shared schema', () => {
  it('when it fails, no tenant is touched', async () => {
    await two();
    await fleet.files.write('migrations/shared/0002_broken.sql', 'CREATE TABLE plans (id int);\nSELECT 1 / 0;');
    const report = await fleet.migrate();
    expect(report.shared).toMatchObject({
      status: 'failed',
      migrations: [],
      error: { sqlstate: '22012', migration: '0002_broken', line: 2, statement: 'SELECT 1 / 0' },
    });
    expect(report.shared.error).not.toHaveProperty('tenant');
    expect(report.tenants).toEqual({ total: 3, applied: 0, upToDate: 0, failed: 0, notExecuted: 3, missing: 0 });
    expect(report.results).toEqual(
      ['acme', 'globex', 'initech'].map((tenant) => ({ tenant, status: 'notExecuted', reason: 'sharedFailed' })),
    );
    expect(exitCodeOf(report)).toBe(1);
    expect(await fleet.tables('acme')).not.toContain('two');
    expect(await fleet.tables('public')).not.toContain('plans');
  });

  it('when it fails, a tenant that was to be created is counted too', async () => {
    await fleet.files.write('migrations/shared/0002_broken.sql', 'SELECT 1 / 0;');
    await database.query(`INSERT INTO tenants (schema_name) VALUES ('unmade')`);
    const report = await fleet.migrate({ missing: 'create' });
    expect(report.tenants).toMatchObject({ total: 4, upToDate: 3, notExecuted: 1 });
    const { rows } = await database.query(`SELECT FROM pg_namespace WHERE nspname = 'unmade'`);
    expect(rows).toEqual([]);
  });

  it('tenants alone are refused while it is behind, unless the check is skipped', async () => {
    await two();
    await fleet.files.write('migrations/shared/0002_plans.sql', 'CREATE TABLE plans (id int);');
    await expect(fleet.migrate({ selection: TENANTS })).rejects.toMatchObject({
      code: 'SHARED_PENDING',
      exitCode: 2,
      message: expect.stringContaining('0002_plans') as string,
    });
    expect(await fleet.applied('acme')).toEqual(['0001_projects']);
    const report = await fleet.migrate({ selection: TENANTS, skipSharedCheck: true });
    expect(report.shared.status).toBe('skipped');
    expect(report.tenants.applied).toBe(3);
    expect(await fleet.tables('public')).not.toContain('plans');
  });

  it('goes up to a migration or by a number of them', async () => {
    for (const name of ['0002_a', '0003_b', '0004_c']) {
      await fleet.files.write(`migrations/shared/${name}.sql`, `CREATE TABLE s_${name} (id int);`);
    }
    const first = await fleet.migrate({ selection: { kind: 'shared' }, target: { to: '0002_a' } });
    expect(first.shared.migrations).toEqual(['0002_a']);
    const second = await fleet.migrate({ selection: { kind: 'shared' }, target: { count: 1 } });
    expect(second.shared.migrations).toEqual(['0003_b']);
    const third = await fleet.migrate({ selection: { kind: 'shared' }, target: { to: '0003_b' } });
    expect(third.shared.status).toBe('upToDate');
    await expect(
      fleet.migrate({ selection: { kind: 'shared' }, target: { to: '0001_projects' } }),
    ).rejects.toMatchObject({ code: 'UNKNOWN_MIGRATION', exitCode: 2 });
    expect(await fleet.applied('public')).toEqual(['0001_registry', '0002_a', '0003_b']);
  });
});

describe('which tenants', () => {
  it('unknown names are all named, with their neighbours, before anything happens', async () => {
    await two();
    const wrong = fleet.migrate({
      selection: { ...TENANTS, names: ['acme', 'globx', 'nowhere'], exclude: ['initch'] },
    });
    await expect(wrong).rejects.toMatchObject({ code: 'UNKNOWN_TENANT', exitCode: 2 });
    const error = (await wrong.catch((one: unknown) => one)) as TenantsError;
    const words = JSON.stringify([error.message, error.details, error.suggestions]);
    for (const word of ['globx', 'globex', 'nowhere', 'initch', 'initech']) expect(words).toContain(word);
    expect(words).not.toContain('acme');
    expect(await fleet.applied('acme')).toEqual(['0001_projects']);
  });

  it('by name, and all but some', async () => {
    await two();
    const named = await fleet.migrate({ selection: { ...TENANTS, names: ['globex'] } });
    expect(named.results.map(({ tenant }) => tenant)).toEqual(['globex']);
    expect(named.tenants.total).toBe(1);
    const rest = await fleet.migrate({ selection: { ...TENANTS, exclude: ['acme'] } });
    expect(rest.results.map(({ tenant }) => tenant)).toEqual(['initech']);
    expect(await fleet.applied('acme')).toEqual(['0001_projects']);
  });

  it('a type has a directory of its own, and a type that nobody knows fails its tenant only', async () => {
    await database.query(
      `INSERT INTO tenants (schema_name, type) VALUES ('corner', 'shop'), ('odd', 'pub'), ('proto', 'constructor')`,
    );
    await two();
    const report = await fleet.migrate({ missing: 'create' });
    expect(report.tenants).toMatchObject({ total: 6, applied: 4, failed: 2 });
    expect(report.results.filter(({ status }) => status === 'failed')).toMatchObject([
      { tenant: 'odd', error: { code: 'UNKNOWN_TYPE', message: expect.stringContaining('"pub"') as string } },
      { tenant: 'proto', error: { code: 'UNKNOWN_TYPE' } },
    ]);
    expect(await fleet.tables('corner')).toEqual(['goods', 'pgmigrations']);
    await fleet.files.write('migrations/shop/0002_more.sql', 'CREATE TABLE more (id int);');
    await three();
    const shops = await fleet.migrate({ selection: { ...TENANTS, types: ['shop'] } });
    expect(shops.results.map(({ tenant, status }) => [tenant, status])).toEqual([['corner', 'applied']]);
    await expect(fleet.migrate({ selection: { ...TENANTS, types: ['pup'] } })).rejects.toMatchObject({
      code: 'UNKNOWN_TYPE',
      message: expect.stringContaining('"pub"') as string,
    });
  });

  it('none at all is no error', async () => {
    await database.query('DELETE FROM tenants');
    const report = await fleet.migrate({ selection: TENANTS });
    expect(report.tenants.total).toBe(0);
    expect(exitCodeOf(report)).toBe(0);
  });
});

describe('how far', () => {
  it.each([{ to: '0002_two' }, { count: 1 }])('%o', async (target) => {
    await two();
    await three();
    const report = await fleet.migrate({ selection: TENANTS, target });
    expect(report.results).toMatchObject(Array.from({ length: 3 }, () => ({ migrations: ['0002_two'] })));
    expect(await fleet.applied('globex')).toEqual(['0001_projects', '0002_two']);
    const again = await fleet.migrate({ selection: TENANTS, target: { to: '0002_two' } });
    expect(again.tenants).toMatchObject({ upToDate: 3, applied: 0 });
  });

  it('an unknown migration is named, for each selected type that lacks it', async () => {
    await database.query(`INSERT INTO tenants (schema_name, type) VALUES ('corner', 'shop')`);
    const wrong = fleet.migrate({ selection: TENANTS, target: { to: '0001_projects' } });
    await expect(wrong).rejects.toMatchObject({
      code: 'UNKNOWN_MIGRATION',
      exitCode: 2,
      message: expect.stringContaining('"shop"') as string,
    });
    await expect(fleet.migrate({ selection: TENANTS, target: { to: '0009_no' } })).rejects.toMatchObject({
      code: 'UNKNOWN_MIGRATION',
    });
  });

  it.each([
    [{ kind: 'all' } as const, { count: 1 }],
    [{ kind: 'all' } as const, { to: '0001_projects' }],
    [TENANTS, { count: 0 }],
    [TENANTS, { count: 1.5 }],
    [TENANTS, { count: Number.NaN }],
  ])('%o with %o is wrong usage', async (selection, target) => {
    await two();
    await expect(fleet.migrate({ selection, target })).rejects.toMatchObject({ code: 'USAGE', exitCode: 2 });
    expect(await fleet.applied('acme')).toEqual(['0001_projects']);
  });

  it('faking writes the rows and nothing else, and only where the list is what it was', async () => {
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int); SELECT 1 / 0;');
    await three();
    const report = await fleet.migrate({ selection: TENANTS, fake: true, target: { count: 1 } });
    expect(report.tenants.applied).toBe(3);
    expect(await fleet.applied('acme')).toEqual(['0001_projects', '0002_two']);
    expect(await fleet.tables('acme')).toEqual(['pgmigrations', 'projects']);
    expect((await fleet.migrate()).tenants.applied).toBe(3);
    expect(await fleet.tables('acme')).toEqual(['pgmigrations', 'projects', 'three']);
  });
});

describe('tenants that are not as they should be', () => {
  it('missing ones are reported, created or skipped', async () => {
    await two();
    await database.query(`INSERT INTO tenants (schema_name) VALUES ('gone')`);
    const reported = await fleet.migrate();
    expect(reported.tenants).toEqual({ total: 4, applied: 3, upToDate: 0, failed: 0, notExecuted: 0, missing: 1 });
    expect(reported.results).toContainEqual({ tenant: 'gone', status: 'missing' });
    expect(exitCodeOf(reported)).toBe(1);
    const skipped = await fleet.migrate({ missing: 'skip' });
    expect(skipped.tenants).toEqual({ total: 3, applied: 0, upToDate: 3, failed: 0, notExecuted: 0, missing: 0 });
    expect(exitCodeOf(skipped)).toBe(0);
    const created = await fleet.migrate({ missing: 'create' });
    expect(created.tenants).toMatchObject({ total: 4, applied: 1, missing: 0 });
    expect(await fleet.applied('gone')).toEqual(['0001_projects', '0002_two']);
  });

  it('one that is ahead or out of order is refused, and the others go on', async () => {
    await two();
    await three();
    await database.query(`INSERT INTO acme.pgmigrations (name, run_on) VALUES ('0009_future', now())`);
    await database.query(`INSERT INTO globex.pgmigrations (name, run_on) VALUES ('0003_three', now())`);
    const report = await fleet.migrate();
    expect(report.tenants).toMatchObject({ applied: 1, failed: 2 });
    expect(report.results).toMatchObject([
      { tenant: 'acme', error: { code: 'TENANT_AHEAD', message: expect.stringContaining('0009_future') as string } },
      { tenant: 'globex', error: { code: 'TENANT_OUT_OF_ORDER' } },
      { tenant: 'initech', status: 'applied' },
    ]);
    expect(exitCodeOf(report)).toBe(1);
    expect(await fleet.applied('globex')).toEqual(['0001_projects', '0003_three']);

    const lifted = await fleet.migrate({}, { checkOrder: false });
    expect(lifted.tenants).toMatchObject({ applied: 2, failed: 0 });
    expect(await fleet.applied('globex')).toEqual(['0001_projects', '0003_three', '0002_two']);
    expect(await fleet.applied('acme')).toEqual(['0001_projects', '0009_future', '0002_two', '0003_three']);
  });

  it('a directory that is gone is named', async () => {
    await rm(fleet.files.path('migrations', 'tenant'), { recursive: true });
    await expect(fleet.migrate()).rejects.toMatchObject({ code: 'MIGRATIONS_UNREADABLE', exitCode: 2 });
  });
});
