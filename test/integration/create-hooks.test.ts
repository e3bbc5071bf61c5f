import { afterAll, beforeAll, expect, it } from 'vitest';

import { createTenant } from '../../src/lifecycle/create-tenant.js';
import type { CreateHookContext, TenantHookContext } from '../../src/project/hook-types.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

const database = useDatabase();
let fleet: TestFleet;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
});
afterAll(() => fleet.remove());

const isRegistered = async (schema: string): Promise<boolean> =>
  (await database.query('SELECT FROM tenants WHERE schema_name = $1', [schema])).rowCount === 1;

it('the hooks of the creation are told of the tenant and work in its transaction', async () => {
  const calls: unknown[] = [];
  const look = async (when: string, { client, ...context }: CreateHookContext): Promise<void> => {
    const answer = await client?.query<{ row: boolean; schema: boolean; path: string }>(
      `SELECT EXISTS (SELECT FROM public.tenants WHERE schema_name = 'acme') AS row, to_regnamespace('acme') IS NOT NULL AS schema,
              current_setting('search_path') AS path`,
    );
    calls.push([when, context, answer?.rows[0]]);
  };
  await createTenant(await fleet.project(), {
    schema: 'acme',
    domains: ['acme.example.com'],
    hooks: {
      beforeCreateTenant: (context) => look('before', context),
      afterCreateTenant: async (context) => {
        await look('after', context);
        await context.client?.query(`INSERT INTO projects (name) VALUES ($1)`, ['welcome']);
        // Nobody else sees any of it yet.
        expect(await fleet.tables('acme')).toEqual([]);
        expect(await isRegistered('acme')).toBe(false);
      },
    },
  });
  const told = { tenant: 'acme', type: null, domains: ['acme.example.com'], source: null };
  expect(calls).toEqual([
    ['before', told, { row: false, schema: false, path: '"public", pg_temp' }],
    ['after', told, { row: true, schema: true, path: '"acme", "public", pg_temp' }],
  ]);
  const { rows } = await database.query('SELECT name FROM acme.projects');
  expect(rows).toEqual([{ name: 'welcome' }]);
});

it('those of the project are called where no others are given', async () => {
  const calls: string[] = [];
  const note = (context: TenantHookContext): void => void calls.push(context.tenant);
  await createTenant(await fleet.project({ hooks: { afterCreateTenant: note } }), { schema: 'globex' });
  expect(calls).toEqual(['globex']);
});

it.each(['beforeCreateTenant', 'afterCreateTenant'] as const)(
  '%s leaves nothing behind when it throws',
  async (name) => {
    const schema = name.toLowerCase();
    const refused = createTenant(await fleet.project(), {
      schema: schema,
      domains: [`${schema}.example.com`],
      hooks: {
        [name]: async ({ client }: TenantHookContext) => {
          await client?.query('CREATE TABLE public.made_by_hook (id int)');
          throw new Error('not on a Sunday');
        },
      },
    });
    await expect(refused).rejects.toMatchObject({
      code: 'HOOK_FAILED',
      exitCode: 1,
      message: `The tenant "${schema}" was not created: The hook ${name} failed: not on a Sunday`,
      details: { tenant: schema, hook: name },
    });
    expect(await fleet.tables(schema)).toEqual([]);
    expect(await isRegistered(schema)).toBe(false);
    expect((await database.query('SELECT FROM domains WHERE domain = $1', [`${schema}.example.com`])).rowCount).toBe(0);
    expect(await fleet.tables('public')).not.toContain('made_by_hook');
    await createTenant(await fleet.project(), { schema: schema });
  },
);

it('a tenant with a migration outside a transaction is taken back when the last hook fails', async () => {
  await fleet.tenantMigration(
    '0002_index.sql',
    '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY names ON projects (name);',
  );
  const seed = (last: string) => ({
    afterCreateTenant: async ({ client }: TenantHookContext): Promise<void> => {
      await client?.query('INSERT INTO projects (name) VALUES ($1)', ['seeded']);
      await client?.query(last);
    },
  });
  await expect(
    createTenant(await fleet.project(), { schema: 'steps', hooks: seed('SELECT 1/0') }),
  ).rejects.toMatchObject({ code: 'HOOK_FAILED', details: { sqlstate: '22012', statement: 'SELECT 1/0' } });
  expect(await isRegistered('steps')).toBe(false);
  expect((await database.query(`SELECT FROM pg_namespace WHERE nspname = 'steps'`)).rowCount).toBe(0);

  const made = await createTenant(await fleet.project(), { schema: 'steps', hooks: seed('SELECT 1') });
  expect(made.tenant.status).toBe('active');
  expect((await database.query('SELECT name FROM steps.projects')).rows).toEqual([{ name: 'seeded' }]);
});

it('the hooks around the migrations are called once, between those of the creation', async () => {
  const calls: string[] = [];
  const note = (name: string) => (): void => void calls.push(name);
  const names = ['afterCreateTenant', 'afterMigrate', 'beforeCreateTenant', 'beforeMigrate'];
  const hooks = Object.fromEntries(names.map((name) => [name, note(name)]));
  await createTenant(await fleet.project({ hooks }), { schema: 'order' });
  expect(calls).toEqual(['beforeCreateTenant', 'beforeMigrate', 'afterMigrate', 'afterCreateTenant']);
  calls.length = 0;
  await createTenant(await fleet.project({ hooks }), { schema: 'empty', noMigrate: true });
  expect(calls).toEqual(['beforeCreateTenant', 'afterCreateTenant']);
});

it('a creation that waits for a hook forever can be canceled', async () => {
  const cancel = new AbortController();
  const afterCreateTenant = (): Promise<void> => {
    cancel.abort();
    return new Promise(() => {});
  };
  const created = createTenant(await fleet.project(), {
    schema: 'stuck',
    cancel: cancel.signal,
    hooks: { afterCreateTenant },
  });
  await expect(created).rejects.toMatchObject({ code: 'INTERRUPTED' });
  expect(await isRegistered('stuck')).toBe(false);
});
