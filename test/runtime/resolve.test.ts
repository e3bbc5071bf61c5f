import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';

import { useDatabase } from '../support/database.js';
import { counted, createSite, type Site } from './fixture.js';

const database = useDatabase({ name: 'resolve' });
let site: Site;

beforeAll(async () => {
  site = await createSite(database);
  await site.add('public', 'example.com');
  await site.add('acme', 'acme.example.com', 'xn--mnchen-3ya.example');
  await site.add('globex', 'www.globex.example');
});

afterAll(() => site.close());

describe('resolve', () => {
  it('finds a tenant with its own columns, camel-cased and typed', async () => {
    await database.query(`UPDATE tenants SET plan = 'gold', paid_until = '2030-01-01' WHERE schema_name = 'acme'`);
    const tenancy = site.tenancy<{ plan: string; paidUntil: Date | null }>();
    const tenant = await tenancy.resolve('acme.example.com');
    expect(tenant).toMatchObject({ schemaName: 'acme', status: 'active', plan: 'gold', type: null });
    expect(tenant?.paidUntil).toBeInstanceOf(Date);
    expect(tenant?.createdAt).toBeInstanceOf(Date);
    expect(Object.isFrozen(tenant)).toBe(true);
    expectTypeOf(tenant).toExtend<{ plan: string; schemaName: string } | null>();
  });

  it.each([
    ['ACME.Example.COM', 'acme'],
    ['acme.example.com:8080', 'acme'],
    ['acme.example.com.', 'acme'],
    ['acme.example.com.:443', 'acme'],
    ['www.acme.example.com', 'acme'],
    ['münchen.example', 'acme'],
    ['MÜNCHEN.example:3000', 'acme'],
    ['www.globex.example', 'globex'],
    ['example.com', 'public'],
    ['globex.example', null],
    ['www.www.acme.example.com', null],
    ['other.example.com', null],
    ['', null],
    [':80', null],
    ['[::1]:80', null],
    ["acme.example.com' OR true --", null],
    ['x'.repeat(3000), null],
  ])('leads %s to %s', async (host, schemaName) => {
    const tenancy = site.tenancy({ listen: false });
    expect((await tenancy.resolve(host))?.schemaName ?? null).toBe(schemaName);
  });

  it('asks once for many simultaneous first requests, and not at all afterwards', async () => {
    const { pool, count } = counted(site.pool());
    const tenancy = site.tenancy({ pool, listen: false });
    const found = await Promise.all(Array.from({ length: 500 }, () => tenancy.resolve('acme.example.com')));
    expect(new Set(found.map((tenant) => tenant?.schemaName))).toEqual(new Set(['acme']));
    await Promise.all(Array.from({ length: 500 }, () => tenancy.resolve('nobody.example.com')));
    expect(count()).toBe(2);
  });

  it('keeps answers for the time to live, and no longer', async () => {
    const { pool, count } = counted(site.pool());
    const tenancy = site.tenancy({ pool, listen: false, cache: { ttl: 2000, negativeTtl: 200 } });
    await tenancy.resolve('acme.example.com');
    await tenancy.resolve('nobody.example.com');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await tenancy.resolve('acme.example.com');
    expect(count()).toBe(2);
    await tenancy.resolve('nobody.example.com');
    expect(count()).toBe(3);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await tenancy.resolve('acme.example.com');
    expect(count()).toBe(4);
  });

  it('keeps known tenants while a flood of unknown hostnames comes in', async () => {
    const { pool, count } = counted(site.pool());
    const tenancy = site.tenancy({ pool, listen: false, cache: { max: 10 } });
    await tenancy.resolve('acme.example.com');
    for (let i = 0; i < 50; i += 1) await tenancy.resolve(`host${i}.example.com`);
    const before = count();
    await tenancy.resolve('acme.example.com');
    expect(count()).toBe(before);
  });

  it('does not keep a failure', async () => {
    const { pool } = counted(site.pool());
    const working = pool.query;
    pool.query = (() => Promise.reject(new Error('no database'))) as unknown as Pool['query'];
    const tenancy = site.tenancy({ pool, listen: false });
    await expect(tenancy.resolve('acme.example.com')).rejects.toThrow('no database');
    pool.query = working;
    expect(await tenancy.resolve('acme.example.com')).not.toBeNull();
  });

  it('does not know tenants that are being created or deleted', async () => {
    await site.add('passing', 'passing.example.com', 'www.passing.example.com');
    const tenancy = site.tenancy({ listen: false, cache: { ttl: 0 } });
    for (const [status, known] of [
      ['provisioning', false],
      ['deleting', false],
      ['active', true],
    ] as const) {
      await database.query(`UPDATE tenants SET status = $1 WHERE schema_name = 'passing'`, [status]);
      expect((await tenancy.resolve('passing.example.com')) !== null).toBe(known);
      expect((await tenancy.resolve('www.passing.example.com')) !== null).toBe(known);
      expect((await tenancy.find('passing')) !== null).toBe(known);
    }
  });

  it('reads a registry with other names and without a status', async () => {
    await database.query(`CREATE SCHEMA crm;
      CREATE TABLE crm.accounts (no uuid PRIMARY KEY, slug text, "Is Vip" boolean);
      CREATE TABLE crm.hosts (host text, account uuid);
      INSERT INTO crm.accounts VALUES ('00000000-0000-0000-0000-000000000001', 'acme', true);
      INSERT INTO crm.hosts VALUES ('crm.example.com', '00000000-0000-0000-0000-000000000001')`);
    const tenancy = site.tenancy({
      listen: false,
      shared: 'crm',
      registry: {
        tenants: {
          table: 'accounts',
          columns: { id: 'no', schemaName: 'slug', name: null, type: null, status: null, createdAt: null },
        },
        domains: { table: 'hosts', columns: { domain: 'host', tenantId: 'account' } },
      },
    });
    expect(await tenancy.resolve('crm.example.com')).toEqual({
      id: '00000000-0000-0000-0000-000000000001',
      schemaName: 'acme',
      name: null,
      type: null,
      status: 'active',
      createdAt: null,
      'Is Vip': true,
    });
  });
});
