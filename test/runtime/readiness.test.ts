import { dirname } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Tenancy } from '../../src/runtime/index.js';
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

  it('is false without a migrations table, and true for the public tenant', async () => {
    const tenant = await tenancy.find('globex');
    if (tenant === null) throw new Error('no tenant');
    const own = site.tenancy({ listen: false, migrations: ['0001_projects'], migrationsTable: 'none' });
    expect(await own.isReady(tenant)).toBe(false);
    expect(await own.isReady({ ...tenant, schemaName: 'public' })).toBe(true);
  });
});
