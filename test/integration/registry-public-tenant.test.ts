import type { Client } from 'pg';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type BatchItem, sendBatch } from '../../src/db/batch.js';
import { findTenant } from '../../src/registry/list.js';
import { createPublicTenant, hasDomains, type PublicTenantOptions } from '../../src/registry/public-tenant.js';
import { registrationStatements } from '../../src/registry/registration.js';
import { tenantsCommand } from '../../src/util/tenants-command.js';
import { useDatabase } from '../support/database.js';
import { SHAPES } from '../support/registry-shapes.js';
import { createRegistry, register } from '../support/registry.js';

const database = useDatabase();
let client: Client;
const DOMAINS = [
  { domain: 'example.com', primary: true },
  { domain: 'www.example.com', primary: false },
];
/** A transaction on a connection, as `changeTenant` runs it. */
const on = (own: Client) => ({
  inTransaction: async (items: BatchItem[]): Promise<void> => {
    await own.query('BEGIN');
    await sendBatch(own, [...items, { text: 'COMMIT' }]).catch(async (error: unknown) => {
      await own.query('ROLLBACK');
      throw error;
    });
  },
});
const PLAIN = { name: null, domains: DOMAINS, ifNotExists: false, extra: {} };

let WISH: PublicTenantOptions;

beforeAll(async () => {
  client = await database.client();
  WISH = { ...PLAIN, ...on(client) };
});

describe.each(SHAPES)('createPublicTenant in a registry with %s', (_, shape) => {
  beforeEach(() => createRegistry(client, shape));

  it('registers the shared schema with its domains', async () => {
    const { tenant, created } = await createPublicTenant(client, shape, WISH);
    expect(created).toBe(true);
    expect(tenant).toMatchObject({ schema: shape.schema, type: null, status: 'active' });
    expect(hasDomains(tenant, DOMAINS)).toBe(true);
    expect(await findTenant(client, shape, shape.schema)).toEqual(tenant);
  });

  it('refuses a second time, unless the domains are there already', async () => {
    await createPublicTenant(client, shape, WISH);
    await expect(createPublicTenant(client, shape, WISH)).rejects.toMatchObject({ code: 'TENANT_EXISTS' });
    for (const domains of [DOMAINS, DOMAINS.slice(0, 1), []]) {
      const again = await createPublicTenant(client, shape, { ...WISH, domains, ifNotExists: true });
      expect(again).toMatchObject({ created: false, tenant: { schema: shape.schema } });
    }
    const more = { ...WISH, domains: [{ domain: 'new.example.com', primary: true }], ifNotExists: true };
    await expect(createPublicTenant(client, shape, more)).rejects.toMatchObject({
      code: 'TENANT_EXISTS',
      message: expect.stringContaining('without "new.example.com"'),
      suggestions: [`To add it, run: ${tenantsCommand('create-domain', shape.schema, 'new.example.com')}`],
    });
  });

  it('leaves nothing behind when a domain is taken or a value is refused', async () => {
    await register(client, shape, { schema: 'acme', domains: DOMAINS.slice(1) });
    await expect(createPublicTenant(client, shape, WISH)).rejects.toMatchObject({ code: 'DOMAIN_TAKEN' });
    const wrong = { ...WISH, domains: [], extra: { nowhere: '1' } };
    await expect(createPublicTenant(client, shape, wrong)).rejects.toMatchObject({ code: 'USAGE' });
    expect(await findTenant(client, shape, shape.schema)).toBeUndefined();
    expect((await client.query('SELECT now() = statement_timestamp() AS alone')).rows).toEqual([{ alone: true }]);
  });

  it('is settled when someone is faster after the look and before the INSERT', async () => {
    for (const ifNotExists of [true, false]) {
      await createRegistry(client, shape);
      const faster = await database.client();
      await faster.query('BEGIN');
      const registration = { schema: shape.schema, type: null, status: 'active', ...PLAIN };
      await sendBatch(faster, registrationStatements(shape, registration));
      const outcome = createPublicTenant(client, shape, { ...WISH, ifNotExists }).catch((error: unknown) => error);
      await expect.poll(() => isWaiting(faster)).toBe(true);
      await faster.query('COMMIT');
      expect(await outcome).toMatchObject(ifNotExists ? { created: false } : { code: 'TENANT_EXISTS' });
    }
  });

  it('is settled when four do it at the same time', async () => {
    const others = [client, await database.client(), await database.client(), await database.client()];
    const outcomes = await Promise.all(
      others.map((other) => createPublicTenant(other, shape, { ...PLAIN, ...on(other), ifNotExists: true })),
    );
    expect(outcomes.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(outcomes.map(({ tenant }) => JSON.stringify(tenant))).size).toBe(1);
  });
});

/** Another connection waits for a lock in this database. */
async function isWaiting(observer: Client): Promise<boolean> {
  const { rows } = await observer.query(
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows.length > 0;
}
