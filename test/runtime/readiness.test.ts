import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Migrations, Tenancy } from '../../src/runtime/index.js';
import { useDatabase } from '../support/database.js';
import { createSite, type Site } from './fixture.js';

const database = useDatabase({ name: 'readiness' });
let site: Site;
let tenancy: Tenancy;

beforeAll(async () => {
  site = await createSite(database);
  await site.add('public', 'example.com');
  for (const name of ['acme', 'globex']) await site.add(name, `${name}.example.com`);
  tenancy = site.tenancy({
    listen: false,
    cache: { ttl: 500 },
    migrations: site.fleet.files.path('migrations', 'tenant'),
  });
});

afterAll(() => site.close());

describe('isReady', () => {
  it('needs to be told the migrations, as a directory or as names, by type where there are types', async () => {
    const tenant = await tenancy.find('globex');
    if (tenant === null) throw new Error('no tenant');
    await expect(site.tenancy({ listen: false }).isReady(tenant)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const ready = (migrations: NonNullable<Parameters<Site['tenancy']>[0]>['migrations'], type: string | null = null) =>
      site.tenancy({ listen: false, ...(migrations === undefined ? {} : { migrations }) }).isReady({ ...tenant, type });
    expect(await ready(['0001_projects'])).toBe(true);
    expect(await ready(['0001_projects', '0002_later'])).toBe(false);
    expect(await ready([])).toBe(true);
    expect(await ready({ default: ['0001_projects'], types: { big: ['0009_big'] } })).toBe(true);
    expect(await ready({ default: ['0001_projects'], types: { big: ['0009_big'] } }, 'big')).toBe(false);
    await expect(ready({ types: {} }, 'other')).rejects.toMatchObject({ code: 'UNKNOWN_TYPE' });
    await expect(ready('/nowhere')).rejects.toMatchObject({ code: 'MIGRATIONS_UNREADABLE' });
  });

  it('leaves out the files of the directory that the ignore pattern names', async () => {
    const tenant = await tenancy.find('globex');
    if (tenant === null) throw new Error('no tenant');
    const draft = await site.fleet.files.write('documented/0002_draft.sql', '');
    await site.fleet.files.write('documented/0001_projects.sql', '');
    await site.fleet.files.write('documented/README.md', 'How to write a migration');
    const options = { listen: false, migrations: dirname(draft) };
    expect(await site.tenancy(options).isReady(tenant)).toBe(false);
    const ignorePattern = String.raw`(\..*|.*\.md|.*_draft\.sql)`;
    expect(await site.tenancy({ ...options, ignorePattern }).isReady(tenant)).toBe(true);
    await expect(site.tenancy({ ...options, ignorePattern: '(' }).isReady(tenant)).rejects.toMatchObject({
      code: 'MIGRATIONS_UNREADABLE',
      message: expect.stringContaining('regular expression') as string,
    });
  });

  it('knows the names of other layouts, where it is told the format', async () => {
    const tenant = await tenancy.find('globex');
    if (tenant === null) throw new Error('no tenant');
    const fixture = (name: string): string => join(import.meta.dirname, '..', 'fixtures', 'formats', name);
    const ready = async (migrations: Migrations): Promise<boolean> =>
      await site.tenancy({ listen: false, migrations }).isReady(tenant);
    const module = await site.fleet.files.write(
      'format.mjs',
      `export default { name: 'mine', list: () => [{ name: 'from-module', path: 'x' }], read: () => undefined };`,
    );
    for (const [name, format, last] of [
      ['prisma', 'prisma', '20250212140000_more'],
      ['pairs', 'sql', '000002_names'],
      ['flyway', 'auto', 'V10__notes'],
      ['knex', 'knex', '20250304090000_labels'],
      ['plain', module, 'from-module'],
    ] as const) {
      const migrations = { directory: fixture(name), format };
      expect(await ready(migrations)).toBe(false);
      const { listMigrationFiles } = await import('../../src/engine/files.js');
      const source = { ...migrations, ignorePattern: undefined, decamelize: false, tsconfigPaths: false };
      const names = (await listMigrationFiles(source)).map((file) => file.name);
      expect(names.at(-1)).toBe(last);
      await database.query('INSERT INTO globex.pgmigrations (name, run_on) SELECT unnest($1::text[]), now()', [names]);
      expect(await ready({ types: {}, default: migrations })).toBe(true);
    }
    await expect(ready({ directory: fixture('prisma'), format: 'prsima' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      suggestions: [expect.stringContaining('drizzle, prisma, sql, knex, kysely, auto') as string],
    });
  });

  it.each([
    ['prisma', 'prisma'],
    ['drizzle-folders', 'drizzle'],
    ['pairs', 'sql'],
    ['flyway', 'sql'],
  ])('says what to write for a directory of another layout that is named alone (%s)', async (name, format) => {
    const tenant = await tenancy.find('globex');
    if (tenant === null) throw new Error('no tenant');
    const directory = join(import.meta.dirname, '..', 'fixtures', 'formats', name);
    await expect(site.tenancy({ listen: false, migrations: directory }).isReady(tenant)).rejects.toMatchObject({
      code: 'MIGRATIONS_UNREADABLE',
      suggestions: [
        expect.stringContaining(`migrations: { directory: '${directory}', format: '${format}' }`) as string,
      ],
    });
  });

  it('is false without a migrations table, and true for the public tenant', async () => {
    const tenant = await tenancy.find('globex');
    if (tenant === null) throw new Error('no tenant');
    const own = site.tenancy({ listen: false, migrations: ['0001_projects'], migrationsTable: 'none' });
    expect(await own.isReady(tenant)).toBe(false);
    expect(await own.isReady({ ...tenant, schemaName: 'public' })).toBe(true);
  });
});
