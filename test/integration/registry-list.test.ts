import { escapeIdentifier, type Client } from 'pg';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { qualified } from '../../src/db/identifiers.js';
import { assertDomainsAvailable } from '../../src/registry/availability.js';
import { assertRegistry, inspectRegistry } from '../../src/registry/check.js';
import { findTenant, isPublicTenant, readTenants, readTenantsWithDomains } from '../../src/registry/list.js';
import { useDatabase } from '../support/database.js';
import { BARE_SHAPE, CUSTOM_SHAPE, SHAPE, SHAPES } from '../support/registry-shapes.js';
import { createRegistry, register } from '../support/registry.js';

const database = useDatabase();
let client: Client;
const LONG = 'ä'.repeat(31) + 'z';

beforeAll(async () => {
  client = await database.client();
});

describe.each(SHAPES)('listing a registry with %s', (_, shape) => {
  const order = shape.tenants.columns.schemaName;
  const full = shape.tenants.columns.name !== null;
  const label = full ? `O'Neil "x" \\` : null;

  beforeAll(async () => {
    await createRegistry(client, shape);
    for (const schema of [LONG, 'Select', 'a"b']) await register(client, shape, { schema });
    await register(client, shape, {
      schema: shape.schema,
      name: label,
      type: full ? 'site' : null,
      status: 'provisioning',
      domains: [
        { domain: 'z.example', primary: true },
        { domain: 'b.example', primary: false },
        { domain: 'a-b.example', primary: false },
        { domain: 'a.example', primary: false },
      ],
    });
  });

  it('gives all tenants, the public one included, with null for what the table does not have', async () => {
    const tenants = await readTenants(client, shape, { order });
    expect(tenants.map(({ schema }) => schema).sort()).toEqual([shape.schema, 'Select', 'a"b', LONG].sort());
    expect(tenants.filter((tenant) => isPublicTenant(shape, tenant))).toEqual([
      { schema: shape.schema, name: label, type: full ? 'site' : null, status: full ? 'provisioning' : 'active' },
    ]);
    expect(tenants).toContainEqual({ schema: 'a"b', name: null, type: null, status: 'active' });
  });

  it('gives the named tenants alone', async () => {
    const tenants = await readTenants(client, shape, { order: shape.tenants.columns.id, names: ['a"b', LONG, 'no'] });
    expect(tenants.map(({ schema }) => schema)).toEqual([LONG, 'a"b']);
    expect(await readTenants(client, shape, { order, names: [] })).toEqual([]);
  });

  it('gives domains with the primary one first and the others in alphabetical order', async () => {
    const tenants = await readTenantsWithDomains(client, shape, { order: shape.tenants.columns.id });
    expect(tenants.map(({ domains }) => domains.length)).toEqual([0, 0, 0, 4]);
    const names = tenants[3]?.domains.map(({ domain }) => domain);
    if (full) {
      expect(names).toEqual(['z.example', 'a-b.example', 'a.example', 'b.example']);
      expect(tenants[3]?.domains.map(({ primary }) => primary)).toEqual([true, false, false, false]);
    } else {
      expect(names).toEqual(['a-b.example', 'a.example', 'b.example', 'z.example']);
    }
    expect(await findTenant(client, shape, shape.schema)).toEqual(tenants[3]);
  });

  it('finds a tenant by its exact name', async () => {
    expect(await findTenant(client, shape, LONG)).toMatchObject({ schema: LONG, domains: [] });
    expect(await findTenant(client, shape, 'select')).toBeUndefined();
  });

  it('refuses an order by a column that does not exist or cannot be sorted', async () => {
    const tenants = qualified(shape.schema, shape.tenants.table);
    await client.query(`ALTER TABLE ${tenants} ADD COLUMN IF NOT EXISTS settings json`);
    for (const [column, problem] of [
      ['"; DROP', 'does not exist'],
      ['settings', 'has no order'],
      ['schema', 'does not exist'],
    ] as const) {
      for (const list of [readTenants, readTenantsWithDomains]) {
        await expect(list(client, shape, { order: column })).rejects.toMatchObject({
          code: 'CONFIG_INVALID',
          details: { problems: [`tenants.order: column "${column}" ${problem}`] },
          suggestions: [expect.stringContaining('settings')],
        });
      }
    }
  });
});

it('orders tenants by several columns and directions', async () => {
  await createRegistry(client, SHAPE);
  for (const [schema, name] of [
    ['a', 'x'],
    ['b', 'y'],
    ['c', 'y'],
    ['d', null],
  ] as const) {
    await register(client, SHAPE, { schema, name });
  }
  const listed = async (order: string) =>
    (await readTenants(client, SHAPE, { order })).map(({ schema }) => schema).join('');
  expect(await listed('name desc nulls last, schema_name desc')).toBe('cbad');
  expect(await listed('name DESC')).toBe('dbca');
  expect(await listed('"name" asc')).toBe('abcd');
  await expect(listed('name desc, nme')).rejects.toMatchObject({
    details: { problems: ['tenants.order: column "nme" does not exist'] },
  });
});

it('sorts domains by their characters, whatever collation the column has', async () => {
  await createRegistry(client, SHAPE);
  const domains = ['ab.example', 'a-c.example'].map((domain) => ({ domain, primary: false }));
  await register(client, SHAPE, { schema: 'acme', domains });
  await client.query(`CREATE COLLATION public.blind (provider = icu, locale = 'en-u-ka-shifted');
    ALTER TABLE domains ALTER domain TYPE text COLLATE public.blind`);
  const { rows } = await client.query('SELECT domain FROM domains ORDER BY domain');
  expect(rows.map(({ domain }) => domain)).toEqual(['ab.example', 'a-c.example']);
  const tenant = await findTenant(client, SHAPE, 'acme');
  expect(tenant?.domains.map(({ domain }) => domain)).toEqual(['a-c.example', 'ab.example']);
  await expect(
    assertDomainsAvailable(client, SHAPE, [{ domain: 'ab.example' }, { domain: 'free.example' }]),
  ).rejects.toMatchObject({ details: { problems: ['"ab.example" belongs to tenant "acme"'] } });
});

describe('a registry that is not there', () => {
  beforeEach(async () => {
    await client.query('DROP SCHEMA IF EXISTS public, "Main App" CASCADE');
  });

  it('is missing, and the advice says how to create it', async () => {
    expect(await inspectRegistry(client, SHAPE)).toBe('missing');
    const expected = {
      code: 'REGISTRY_MISSING',
      exitCode: 2,
      suggestions: [expect.stringMatching(/tenants init.*tenants migrate --shared/), expect.anything()],
    };
    await expect(assertRegistry(client, SHAPE)).rejects.toMatchObject(expected);
    await expect(readTenants(client, SHAPE, { order: 'id' })).rejects.toMatchObject(expected);
    await expect(findTenant(client, SHAPE, 'acme')).rejects.toMatchObject(expected);
  });

  it('does not match when one table or some columns are missing, and all of them are listed', async () => {
    await createRegistry(client, CUSTOM_SHAPE);
    const [tenants, domains] = [CUSTOM_SHAPE.tenants.table, CUSTOM_SHAPE.domains.table].map(escapeIdentifier);
    await client.query(`ALTER TABLE "Main App".${tenants} DROP COLUMN state, DROP COLUMN "Label"`);
    await client.query(`DROP TABLE "Main App".${domains}`);
    await expect(inspectRegistry(client, CUSTOM_SHAPE)).rejects.toMatchObject({
      code: 'REGISTRY_MISMATCH',
      details: {
        problems: [
          'table "select" has no column "Label" (registry.tenants.columns.name, optional)',
          'table "select" has no column "state" (registry.tenants.columns.status, optional)',
          `table "${CUSTOM_SHAPE.domains.table}" does not exist (registry.domains.table)`,
        ],
      },
      suggestions: [expect.stringContaining('registry: {'), expect.anything()],
    });
    await expect(readTenants(client, CUSTOM_SHAPE, { order: 'Id' })).rejects.toMatchObject({
      code: 'REGISTRY_MISMATCH',
    });
  });

  it('does not need the columns that are mapped to null', async () => {
    await createRegistry(client, BARE_SHAPE);
    expect(await inspectRegistry(client, BARE_SHAPE)).toBe('present');
  });
});
