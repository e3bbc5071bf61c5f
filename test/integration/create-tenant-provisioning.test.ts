import { beforeEach, describe, expect, it } from 'vitest';

import { createTenant } from '../../src/lifecycle/create-tenant.js';
import type { CreatedTenant, CreateTenantOptions } from '../../src/lifecycle/create-types.js';
import type { Project } from '../../src/project/project.js';
import { useFleet } from '../support/fleet.js';
import { firstPosition, STRIDE } from '../support/positions.js';
import { openProxy } from '../support/proxy.js';

const fleet = useFleet({ each: true, tenants: [] });
const { database } = fleet;

async function create(
  options: Partial<CreateTenantOptions> = {},
  overrides: Partial<Project> = {},
): Promise<CreatedTenant> {
  return await createTenant(await fleet.project(overrides), { schema: 'acme', domains: ['acme.com'], ...options });
}

/** The tenant's row and the names applied in its schema; `null` where there is neither row nor schema. */
async function state(): Promise<{ status: string | null; domains: number; applied: string[] } | null> {
  const { rows } = await database.query(
    `SELECT (SELECT status FROM tenants WHERE schema_name = 'acme') AS status, (SELECT count(*)::int FROM domains) AS domains,
            to_regnamespace('acme') IS NOT NULL AS schema`,
  );
  const { status, domains, schema } = rows[0] as { status: string | null; domains: number; schema: boolean };
  if (status === null && !schema && domains === 0) return null;
  return { status, domains, applied: schema ? await fleet.applied('acme') : [] };
}

const DONE = { status: 'active', domains: 1, applied: ['0001_projects', '0002_index', '0003_three'] };

describe('with a migration that cannot run in a transaction', () => {
  beforeEach(async () => {
    await fleet.tenantMigration(
      '0002_index.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY projects_name ON projects (name);',
    );
    await fleet.tenantMigration('0003_three.sql', 'CREATE TABLE three (id int);');
  });

  it('the tenant is provisioning while it is made, and active at the end', async () => {
    await fleet.tenantMigration('0003_three.sql', 'SELECT pg_sleep(0.6); CREATE TABLE three (id int);');
    const making = create();
    await expect.poll(state, { interval: 20, timeout: 10_000 }).toMatchObject({
      status: 'provisioning',
      applied: ['0001_projects', '0002_index'],
    });
    expect(await making).toMatchObject({ tenant: { status: 'active' }, migrations: DONE.applied });
    expect(await state()).toEqual(DONE);
  });

  it('that fails at the end, everything this call made is removed', async () => {
    await fleet.tenantMigration('0003_three.sql', 'SELECT 1 / 0;');
    await expect(create()).rejects.toMatchObject({ code: 'MIGRATION_FAILED', details: { migration: '0003_three' } });
    expect(await state()).toBeNull();
  });

  it('that fails itself, everything is removed too', async () => {
    await fleet.tenantMigration('0002_index.sql', '-- tenants: no-transaction\nVACUUM no_such_table;');
    await expect(create()).rejects.toMatchObject({ code: 'MIGRATION_FAILED', details: { migration: '0002_index' } });
    expect(await state()).toBeNull();
  });

  it('that is canceled says so, and everything is removed', async () => {
    await fleet.tenantMigration('0003_three.sql', 'SELECT pg_sleep(60);');
    const cancel = new AbortController();
    const making = create({ cancel: cancel.signal });
    const refused = expect(making).rejects.toMatchObject({
      code: 'INTERRUPTED',
      message: 'Creating "acme" was canceled.',
      details: { migration: '0003_three', sqlstate: '57014' },
    });
    await expect
      .poll(
        async () =>
          (
            await database.query(
              `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
            )
          ).rows.length,
        {
          interval: 20,
          timeout: 10_000,
        },
      )
      .toBeGreaterThan(0);
    cancel.abort();
    await refused;
    expect(await state()).toBeNull();
  });

  it('in an adopted schema that fails, the schema stays', async () => {
    await database.query('CREATE SCHEMA acme');
    await fleet.tenantMigration('0003_three.sql', 'SELECT 1 / 0;');
    await expect(create({ adopt: true })).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
    expect(await state()).toMatchObject({ status: null, domains: 0 });
    expect(await fleet.tables('acme')).toContain('projects');
  });

  it('two calls at once: one makes it, the other waits and learns so', async () => {
    await fleet.tenantMigration('0003_three.sql', 'SELECT pg_sleep(0.3); CREATE TABLE three (id int);');
    const settled = await Promise.allSettled([1, 2, 3].map(() => create({}, { lockTimeoutMs: 20_000 })));
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of settled) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'TENANT_EXISTS' });
    }
    expect(await state()).toEqual(DONE);
  });

  it('a call that cannot wait any longer says who is at work', async () => {
    await fleet.tenantMigration('0003_three.sql', 'SELECT pg_sleep(1.5); CREATE TABLE three (id int);');
    const making = create();
    await expect.poll(state, { interval: 20 }).toMatchObject({ status: 'provisioning' });
    await expect(create({}, { lockTimeoutMs: 100 })).rejects.toMatchObject({
      code: 'TENANT_BUSY',
      message: expect.stringContaining('create-tenant acme') as string,
    });
    await making;
    expect(await state()).toEqual(DONE);
  });
});

describe('what a killed process left behind', () => {
  beforeEach(async () => {
    await fleet.tenantMigration('0002_index.sql', '-- tenants: no-transaction\nVACUUM no_such_table;');
    // The control connection is gone when the failure is to be cleaned up, as after a kill.
    const proxy = await openProxy(database);
    proxy.cut({ when: ({ sql }) => sql.includes('VACUUM') });
    proxy.cut({ when: ({ sql }) => sql === 'BEGIN' });
    await create({}, { database: proxy.config, retries: 0 }).catch(() => undefined);
    await proxy.close();
    expect(await state()).toEqual({ status: 'provisioning', domains: 1, applied: ['0001_projects'] });
    await fleet.tenantMigration(
      '0002_index.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY projects_name ON projects (name);',
    );
    await fleet.tenantMigration('0003_three.sql', 'CREATE TABLE three (id int);');
  });

  it('is finished by the same call', async () => {
    expect(await create()).toMatchObject({ tenant: { status: 'active' }, migrations: ['0002_index', '0003_three'] });
    expect(await state()).toEqual(DONE);
  });

  it('is not finished by a call that wants other domains', async () => {
    await expect(create({ domains: ['other.com'] })).rejects.toMatchObject({ code: 'TENANT_EXISTS' });
    await expect(create({ domains: ['other.com'], ifNotExists: true })).rejects.toMatchObject({
      code: 'TENANT_EXISTS',
    });
  });

  it('is migrated by migrate, and then finished by the same call', async () => {
    expect((await fleet.migrate()).tenants).toMatchObject({ applied: 1 });
    expect(await state()).toEqual({ ...DONE, status: 'provisioning' });
    expect(await create()).toMatchObject({ tenant: { status: 'active' }, migrations: [] });
    expect(await state()).toEqual(DONE);
  });

  it('stays when finishing it fails', async () => {
    await fleet.tenantMigration('0003_three.sql', 'SELECT 1 / 0;');
    await expect(create()).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
    expect(await state()).toMatchObject({ status: 'provisioning', domains: 1 });
  });
});

describe('a connection that is cut', () => {
  /** Cuts at one frame after the other until a call gets through without being cut. */
  async function cutEverywhere(deliver: boolean, check: (failed: unknown) => Promise<void>): Promise<number> {
    for (let position = firstPosition(`creation ${deliver}`); ; position += STRIDE) {
      const proxy = await openProxy(database);
      let seen = 0;
      let wasCut = false;
      proxy.cut({
        deliver,
        when: ({ type }) => {
          if (!['Q', 'P', 'B', 'E', 'S'].includes(type)) return false;
          seen += 1;
          wasCut ||= seen === position;
          return seen === position;
        },
      });
      const failed = await create({}, { database: proxy.config, retries: 0 }).then(
        () => undefined,
        (error: unknown) => error,
      );
      await proxy.close();
      await check(failed);
      await database.query(`DROP SCHEMA IF EXISTS acme CASCADE; DELETE FROM tenants`);
      if (!wasCut) return position;
    }
  }

  it.each([
    ['before the server gets the message', false],
    ['after the server got it', true],
  ])(
    '%s: everything or nothing, and the answer fits',
    async (_when, deliver) => {
      await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
      const positions = await cutEverywhere(deliver, async (failed) => {
        const now = await state();
        if (now === null) expect(failed).toBeDefined();
        else expect(now).toEqual({ status: 'active', domains: 1, applied: ['0001_projects', '0002_two'] });
        if (failed === undefined) expect(now).not.toBeNull();
      });
      expect(positions).toBeGreaterThan(30);
    },
    120_000,
  );

  it('a COMMIT whose answer was lost is looked up and counts', async () => {
    const proxy = await openProxy(database);
    proxy.cut({ when: ({ sql }) => sql === 'COMMIT', deliver: true });
    expect(await create({}, { database: proxy.config })).toMatchObject({ migrations: ['0001_projects'] });
    await database.query('DELETE FROM tenants');
    proxy.cut({ when: ({ sql }) => sql === 'COMMIT', deliver: true });
    expect(await create({ adopt: true }, { database: proxy.config })).toMatchObject({ migrations: [] });
    await proxy.close();
    expect(await state()).toMatchObject({ status: 'active', domains: 1 });
  });
});

it('a role that may not create schemas is told so', async () => {
  await database.query(
    `DO $$ BEGIN CREATE ROLE limited_creator LOGIN PASSWORD 'x'; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
     GRANT USAGE ON SCHEMA public TO limited_creator; GRANT ALL ON ALL TABLES IN SCHEMA public TO limited_creator`,
  );
  const limited = { ...database.config, user: 'limited_creator', password: 'x' };
  await expect(create({}, { database: limited })).rejects.toMatchObject({
    code: 'DATABASE_REFUSED',
    details: { sqlstate: '42501' },
    suggestions: [expect.stringContaining('CREATE on the database') as string, expect.any(String) as string],
  });
  expect(await state()).toBeNull();
  await database.query('DROP OWNED BY limited_creator; DROP ROLE limited_creator');
});
