import type { Client } from 'pg';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type BatchItem, sendBatch } from '../../src/db/batch.js';
import { qualified } from '../../src/db/identifiers.js';
import { assertAvailable, assertDomainsAvailable } from '../../src/registry/availability.js';
import { findTenant } from '../../src/registry/list.js';
import { registrationFailure } from '../../src/registry/registration-failure.js';
import {
  activateStatements,
  type NewTenant,
  registrationStatements,
  removeRegistrationStatements,
} from '../../src/registry/registration.js';
import { useDatabase } from '../support/database.js';
import { BARE_SHAPE, SHAPE, SHAPES } from '../support/registry-shapes.js';
import { createRegistry, register } from '../support/registry.js';

const database = useDatabase();
let client: Client;
const DOMAIN = { domain: 'acme.example', primary: true };
const ACME: NewTenant = { schema: 'acme', name: null, type: null, status: 'active', extra: {}, domains: [DOMAIN] };

beforeAll(async () => {
  client = await database.client();
});

describe.each(SHAPES)('a registry with %s', (_, shape) => {
  const hasStatus = shape.tenants.columns.status !== null;

  beforeEach(() => createRegistry(client, shape));

  it('takes hostile names and values as they are', async () => {
    await client.query(
      `ALTER TABLE ${qualified(shape.schema, shape.tenants.table)} ADD "pl""an's" text, ADD seats int, ADD ok boolean`,
    );
    for (const schema of ['a"b', 'Select', 'ß'.repeat(31), `'; DROP TABLE x; --`]) {
      const extra = { [`pl"an's`]: `$1 '"\\`, seats: '7', ok: 'true' };
      await register(client, shape, {
        schema,
        extra,
        domains: [{ domain: `${schema.length}.example`, primary: true }],
      });
      const tenant = await findTenant(client, shape, schema);
      expect(tenant?.domains.map(({ domain }) => domain)).toEqual([`${schema.length}.example`]);
    }
    const { rows } = await client.query(
      `SELECT DISTINCT "pl""an's" AS plan, seats, ok FROM ${qualified(shape.schema, shape.tenants.table)}`,
    );
    expect(rows).toEqual([{ plan: `$1 '"\\`, seats: 7, ok: true }]);
  });

  it('says who is in the way of a new tenant', async () => {
    await client.query(
      'DROP SCHEMA IF EXISTS "Loose", loose, loose2 CASCADE; CREATE SCHEMA "Loose"; CREATE SCHEMA loose2',
    );
    await register(client, shape, { ...ACME, schema: 'Acme"s' });
    const claim = { schema: 'fresh', domains: [{ domain: 'fresh.example' }], adopt: false };
    await expect(assertAvailable(client, shape, claim)).resolves.toBeUndefined();
    await expect(assertAvailable(client, shape, { ...claim, schema: 'loose2', adopt: true })).resolves.toBeUndefined();
    for (const [change, code, message] of [
      [{ schema: 'Acme"s' }, 'TENANT_EXISTS', /"Acme"s" already\.$/],
      [{ schema: 'acme"s' }, 'INVALID_NAME', /the tenant "Acme"s" in upper and lower case/],
      [{ schema: 'loose' }, 'INVALID_NAME', /the schema "Loose" in upper and lower case/],
      [{ schema: 'loose2' }, 'SCHEMA_EXISTS', /schema "loose2" already/],
      [{ adopt: true }, 'USAGE', /schema "fresh", which should be adopted/],
      [{ schema: 'pg_catalog', adopt: true }, 'INVALID_NAME', /belongs to PostgreSQL/],
      [{ schema: shape.schema }, 'USAGE', /shared schema/],
      [{ domains: [DOMAIN, { domain: 'x.example' }] }, 'DOMAIN_TAKEN', /"acme.example" belongs to tenant "Acme"s"/],
    ] as const) {
      await expect(assertAvailable(client, shape, { ...claim, ...change })).rejects.toMatchObject({
        code,
        exitCode: 2,
        message: expect.stringMatching(message),
      });
    }
    await expect(assertDomainsAvailable(client, shape, [DOMAIN])).rejects.toMatchObject({ code: 'DOMAIN_TAKEN' });
    await expect(assertDomainsAvailable(client, shape, claim.domains)).resolves.toBeUndefined();
  });

  it('activates a tenant once and takes back only one that is being made', async () => {
    await register(client, shape, { ...ACME, status: 'provisioning' });
    await register(client, shape, { ...ACME, schema: 'other', domains: [] });
    if (hasStatus) {
      expect(await tags(activateStatements(shape, 'other'))).toEqual(['UPDATE 0']);
      expect(await tags(removeRegistrationStatements(shape, 'other'))).toEqual(['DELETE 0', 'DELETE 0']);
      expect(await tags(activateStatements(shape, 'acme'))).toEqual(['UPDATE 1']);
      expect(await tags(activateStatements(shape, 'acme'))).toEqual(['UPDATE 0']);
      expect(await findTenant(client, shape, 'acme')).toMatchObject({ status: 'active', domains: [DOMAIN] });
      expect(await tags(removeRegistrationStatements(shape, 'acme'))).toEqual(['DELETE 0', 'DELETE 0']);
      await register(client, shape, { ...ACME, schema: 'half', status: 'provisioning', domains: [] });
      expect(await tags(removeRegistrationStatements(shape, 'half'))).toEqual(['DELETE 0', 'DELETE 1']);
    } else {
      expect(await tags(removeRegistrationStatements(shape, 'acme'))).toEqual(['DELETE 1', 'DELETE 1']);
      expect(await findTenant(client, shape, 'acme')).toBeUndefined();
    }
  });

  it.each<[string, BatchItem[], object]>([
    ['the name', [], { code: 'TENANT_EXISTS', details: { tenant: 'acme' } }],
    ['the schema', [{ text: 'CREATE SCHEMA loose' }], { code: 'SCHEMA_EXISTS' }],
    [
      'a domain',
      [],
      { code: 'DOMAIN_TAKEN', message: expect.stringContaining('"acme.example" belongs to tenant "x"') },
    ],
  ])('explains that someone was faster with %s', async (what, first, expected) => {
    await client.query('DROP SCHEMA IF EXISTS "Loose", loose CASCADE; CREATE SCHEMA loose');
    await register(client, shape, what === 'a domain' ? { ...ACME, schema: 'x' } : ACME);
    const registration = what === 'the schema' ? { ...ACME, schema: 'loose', domains: [] } : ACME;
    await expect(
      attempt(registration, [...first, ...registrationStatements(shape, registration)]),
    ).resolves.toMatchObject(expected);
  });

  async function attempt(registration: NewTenant, items: BatchItem[]): Promise<unknown> {
    return failureOf(shape, { ...registration, adopt: false }, items);
  }
});

describe('a refused registration', () => {
  beforeEach(async () => {
    await createRegistry(client, SHAPE);
    await client.query(`CREATE DOMAIN color AS text CHECK (VALUE IN ('red'));
      ALTER TABLE tenants ADD plan text, ADD seats int, ADD code text UNIQUE, ADD since date, ADD paint color,
        ADD size int GENERATED ALWAYS AS (1) STORED, ADD CONSTRAINT few CHECK (seats < 10)`);
    await register(client, SHAPE, { schema: 'first', extra: { code: 'c1' } });
  });

  it.each<[string, Record<string, string>, object]>([
    [
      'a column that does not exist',
      { plan: 'x', 'se"ets': '1', plans: '2' },
      {
        message: 'The tenant table has no column "se"ets", "plans", as given with --set.',
        details: {
          problems: [expect.stringContaining('Did you mean "seats"?'), expect.stringContaining('Did you mean "plan"?')],
          sqlstate: '42703',
        },
        suggestions: [expect.stringContaining('plan, seats, code')],
      },
    ],
    ['no number', { plan: 'x', seats: 'many' }, { message: expect.stringMatching(/take --set seats: .*many/) }],
    ['no date', { since: '2026-02-30', plan: 'x' }, { message: expect.stringMatching(/take --set since: /) }],
    [
      'too large a number',
      { plan: 'x', seats: '9'.repeat(12) },
      { message: expect.stringMatching(/take --set seats: /) },
    ],
    [
      'a value that a check refuses',
      { seats: '11' },
      { message: expect.stringMatching(/--set seats: .*few/), details: { sqlstate: '23514', constraint: 'few' } },
    ],
    [
      'a value that is not unique',
      { code: 'c1' },
      { details: { sqlstate: '23505', constraint: 'tenants_code_key', detail: expect.stringContaining('c1') } },
    ],
    ['a generated column', { size: '2' }, { message: expect.stringMatching(/--set size: /) }],
    ['a value outside its domain', { paint: 'blue' }, { message: expect.stringMatching(/--set paint: /) }],
  ])('for %s names --set and the column', async (_, extra, expected) => {
    const registration = { ...ACME, extra, adopt: false };
    const error = await failureOf(SHAPE, registration, registrationStatements(SHAPE, registration));
    expect(error).toMatchObject({ code: 'USAGE', exitCode: 2, ...expected });
  });

  it('for a column that needs a value says how to give it', async () => {
    await client.query(`ALTER TABLE tenants ADD owner text NOT NULL DEFAULT 'x'`);
    await client.query(`ALTER TABLE tenants ALTER owner DROP DEFAULT`);
    const error = await failureOf(SHAPE, { ...ACME, adopt: false }, registrationStatements(SHAPE, ACME));
    expect(error).toMatchObject({ code: 'USAGE', suggestions: [expect.stringContaining('--set owner=VALUE')] });
    expect(JSON.stringify(error)).not.toContain('Failing row');
  });

  it('for a missing registry says so', async () => {
    const error = await failureOf(BARE_SHAPE, { ...ACME, adopt: false }, registrationStatements(BARE_SHAPE, ACME));
    expect(error).toMatchObject({ code: 'REGISTRY_MISSING' });
  });

  it('leaves errors alone that have nothing to do with it', async () => {
    const plain = new Error('cable cut');
    expect(await registrationFailure(client, SHAPE, { ...ACME, adopt: false }, plain)).toBe(plain);
    await client.query('CREATE TABLE log (tenant text UNIQUE)');
    const elsewhere = [{ text: `INSERT INTO log VALUES ('a'), ('a')` }];
    const error = await failureOf(SHAPE, { ...ACME, extra: { plan: 'x' }, adopt: false }, elsewhere);
    expect(error).toMatchObject({ name: 'BatchError', cause: { code: '23505' } });
    const domainless = registrationStatements(SHAPE, ACME).slice(1);
    expect(await failureOf(SHAPE, { ...ACME, adopt: false }, domainless)).toMatchObject({ name: 'BatchError' });
  });
});

async function tags(items: BatchItem[]): Promise<string[]> {
  return (await sendBatch(client, items)).map(({ command }) => command);
}

/** What the failure of a transaction is turned into. */
async function failureOf(
  shape: typeof SHAPE,
  registration: NewTenant & { adopt: boolean },
  items: BatchItem[],
): Promise<unknown> {
  const error = await sendBatch(client, [{ text: 'BEGIN' }, ...items, { text: 'COMMIT' }]).catch((reason) => reason);
  expect(error).toBeInstanceOf(Error);
  await client.query('ROLLBACK');
  return registrationFailure(client, shape, registration, error);
}
