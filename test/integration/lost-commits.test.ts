import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { listTenants } from '../../src/fleet/list-tenants.js';
import { createDomain } from '../../src/lifecycle/create-domain.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { deleteDomain } from '../../src/lifecycle/delete-domain.js';
import type { Project } from '../../src/project/project.js';
import { useFleet } from '../support/fleet.js';
import { openProxy, type Proxy } from '../support/proxy.js';

const fleet = useFleet({ tenants: ['acme'] });
let proxy: Proxy;
let project: Project;

beforeAll(async () => {
  proxy = await openProxy(fleet.database);
  project = await fleet.project({ database: proxy.config });
});
afterAll(() => proxy?.close());
beforeEach(() => proxy.release());
afterEach(async () => {
  await fleet.database.query(`DELETE FROM domains; DELETE FROM tenants WHERE schema_name = 'public'`);
});

const names = async (): Promise<string[]> => (await listTenants(await fleet.project())).map(({ schema }) => schema);

describe('the public tenant', () => {
  const create = (cancel?: AbortSignal) =>
    createTenant(project, { schema: 'public', domains: ['example.com'], ...(cancel === undefined ? {} : { cancel }) });

  it.each([
    ['before the COMMIT arrives', false],
    ['after it has arrived', true],
  ])('is known to be there or not when the connection breaks %s', async (_, deliver) => {
    proxy.cut({ when: ({ sql }) => sql === 'COMMIT', deliver });
    const outcome = await create().catch((error: unknown) => error);
    expect(outcome).toMatchObject(
      deliver
        ? { created: true, tenant: { schema: 'public' }, domains: [{ domain: 'example.com', primary: true }] }
        : { code: 'DATABASE_UNREACHABLE', message: expect.stringContaining('was not created') as string },
    );
    expect((await names()).includes('public')).toBe(deliver);
  });

  it('is given up when it is canceled while another session is about to register it', async () => {
    const other = await fleet.database.client();
    await other.query('BEGIN');
    await other.query(`INSERT INTO tenants (schema_name) VALUES ('public')`);
    const cancel = new AbortController();
    const outcome = createTenant(await fleet.project({ lockTimeoutMs: 0 }), {
      schema: 'public',
      cancel: cancel.signal,
    }).catch((error: unknown) => error);
    await expect.poll(async () => (await waiting()).length, { timeout: 10_000 }).toBe(1);
    cancel.abort();
    expect(await outcome).toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
    await expect.poll(waiting).toEqual([]);
    await other.query('ROLLBACK');
    expect(await names()).not.toContain('public');
  });
});

describe('a domain, when the COMMIT is lost and another session has the row of its tenant afterwards,', () => {
  /** Waits for the row in the server, and keeps it once it has it. */
  async function takeRowNext(): Promise<() => Promise<unknown>> {
    await fleet.database.query(
      `CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_catalog.pg_sleep(1.5); RETURN NULL; END';
       CREATE TRIGGER slow AFTER INSERT OR DELETE ON domains FOR EACH ROW EXECUTE FUNCTION slow()`,
    );
    const other = await fleet.database.client();
    const has = (async () => {
      await expect
        .poll(
          async () =>
            (
              await fleet.database.query(
                `SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`,
              )
            ).rowCount,
          { timeout: 10_000, interval: 20 },
        )
        .toBe(1);
      await other.query('BEGIN');
      await other.query(`SELECT FROM tenants WHERE schema_name = 'acme' FOR UPDATE`);
    })();
    return async () => {
      await has;
      await other.query('ROLLBACK');
      await fleet.database.query('DROP TRIGGER slow ON domains');
    };
  }

  it('is found to be created', async () => {
    proxy.cut({ when: ({ sql }) => sql === 'COMMIT', deliver: true });
    const giveBack = await takeRowNext();
    const made = await createDomain(project, { schema: 'acme', domain: 'acme.example.com' });
    expect(made).toMatchObject({ domains: [{ domain: 'acme.example.com', primary: true }] });
    await giveBack();
  }, 20_000);

  it('is found to be deleted', async () => {
    await createDomain(await fleet.project(), { schema: 'acme', domain: 'acme.example.com' });
    proxy.cut({ when: ({ sql }) => sql === 'COMMIT', deliver: true });
    const giveBack = await takeRowNext();
    const made = await deleteDomain(project, { domain: 'acme.example.com' });
    expect(made).toMatchObject({ deleted: { domain: 'acme.example.com' } });
    await giveBack();
  }, 20_000);
});

async function waiting(): Promise<unknown[]> {
  const { rows } = await fleet.database.query(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows;
}
