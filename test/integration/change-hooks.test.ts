import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import type { HookClient, RenameHookContext, TenantHookContext } from '../../src/project/hook-types.js';
import type { Project } from '../../src/project/project.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { openProxy } from '../support/proxy.js';

const database = useDatabase();
let fleet: TestFleet;
let project: Project;
let count = 0;
let schema: string;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
  project = await fleet.project();
  await database.query('CREATE TABLE public.audit (note text)');
});
afterAll(() => fleet.remove());
beforeEach(async () => {
  count += 1;
  schema = `tenant_${count}`;
  await createTenant(project, { schema, domains: [`d${count}.example`] });
  await database.query(`INSERT INTO ${schema}.projects (name) VALUES ('kept')`);
  await database.query('TRUNCATE public.audit');
});

const registered = async (): Promise<string[]> =>
  (await database.query('SELECT schema_name FROM tenants ORDER BY 1')).rows.map((row) => String(row['schema_name']));

const audit = async (): Promise<string[]> =>
  (await database.query('SELECT note FROM public.audit ORDER BY 1')).rows.map((row) => String(row['note']));

async function whereabouts(client: HookClient | undefined): Promise<unknown> {
  const answer = await client?.query(
    `SELECT current_schema()::text AS schema, current_setting('search_path') AS path, current_user::text AS role`,
  );
  return answer?.rows[0];
}

describe('deleteTenant', () => {
  it('lets its first hook work in the transaction, in the schema that is about to go', async () => {
    const told: unknown[] = [];
    await deleteTenant(project, {
      schema,
      hooks: {
        beforeDeleteTenant: async ({ client }) => {
          await client?.query(`INSERT INTO audit SELECT $1 || name FROM projects`, ['archived ']);
          await client?.query(
            `SELECT set_config('search_path', 'public', true), set_config('lock_timeout', '1ms', true)`,
          );
          told.push(await whereabouts(client));
        },
        afterDeleteTenant: ({ client }) => void told.push(client),
      },
    });
    expect(told).toEqual([{ schema: 'public', path: 'public', role: database.config.user }, undefined]);
    expect(await audit()).toEqual(['archived kept']);
    expect(await registered()).not.toContain(schema);
  });

  it.each([
    ['a refused statement', (client: HookClient) => client.query('SELECT 1/0'), '22012'],
    ['a caught error', (client: HookClient) => client.query('SELECT 1/0').catch(() => undefined), '22012'],
    [
      'a deferred constraint',
      (client: HookClient) =>
        client.query(
          `CREATE TABLE own (id int PRIMARY KEY, parent int REFERENCES own DEFERRABLE INITIALLY DEFERRED); INSERT INTO own VALUES (1, 2)`,
        ),
      '23503',
    ],
  ])('changes nothing after %s', async (_, hook, sqlstate) => {
    const beforeDeleteTenant = async ({ client }: TenantHookContext): Promise<void> => {
      if (client === undefined) return;
      await client.query(`INSERT INTO audit VALUES ('lost')`);
      await hook(client);
    };
    await expect(deleteTenant(project, { schema, hooks: { beforeDeleteTenant } })).rejects.toMatchObject({
      code: 'HOOK_FAILED',
      exitCode: 1,
      details: { hook: 'beforeDeleteTenant', sqlstate },
    });
    expect(await registered()).toContain(schema);
    expect(await fleet.tables(schema)).toEqual(['pgmigrations', 'projects']);
    expect(await audit()).toEqual([]);
  });

  it('is done when the hook after it fails, and says so', async () => {
    const afterDeleteTenant = (): never => {
      throw new Error('the bucket is locked');
    };
    await expect(deleteTenant(project, { schema, hooks: { afterDeleteTenant } })).rejects.toMatchObject({
      code: 'HOOK_FAILED',
      message: 'The hook afterDeleteTenant failed: the bucket is locked',
    });
    expect(await registered()).not.toContain(schema);
  });

  it('gives a hook nothing to find by accident when the schema is not there', async () => {
    await database.query(`DROP SCHEMA ${schema} CASCADE`);
    let place: unknown;
    const deleted = await deleteTenant(project, {
      schema,
      hooks: {
        beforeDeleteTenant: async ({ client }) => {
          place = await whereabouts(client);
          await client?.query(`INSERT INTO public.audit VALUES ('qualified')`);
        },
      },
    });
    expect(place).toMatchObject({ schema: null, path: '' });
    expect(deleted.warnings).toHaveLength(1);
    expect(await audit()).toEqual(['qualified']);
  });

  it('is given up when it waits for a hook forever', async () => {
    const cancel = new AbortController();
    const beforeDeleteTenant = (): Promise<void> => {
      cancel.abort();
      return new Promise(() => {});
    };
    await expect(
      deleteTenant(project, { schema, cancel: cancel.signal, hooks: { beforeDeleteTenant } }),
    ).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(await registered()).toContain(schema);
  });

  it('changes nothing when the connection breaks during a hook', async () => {
    const proxy = await openProxy(database);
    try {
      const beforeDeleteTenant = async ({ client }: TenantHookContext): Promise<void> => {
        proxy.cutAll();
        await client?.query('SELECT 1');
      };
      await expect(
        deleteTenant({ ...project, database: proxy.config }, { schema, hooks: { beforeDeleteTenant } }),
      ).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE', exitCode: 5 });
    } finally {
      await proxy.close();
    }
    expect(await registered()).toContain(schema);
    expect(await fleet.tables(schema)).toEqual(['pgmigrations', 'projects']);
  });
});

describe('renameTenant', () => {
  it('has hooks in its transaction, before and after the name has changed', async () => {
    const told: unknown[] = [];
    const note = async ({ client, ...context }: RenameHookContext): Promise<void> => {
      const names = await client?.query('SELECT name FROM projects');
      told.push([context, names?.rows]);
    };
    const to = `${schema}_renamed`;
    await renameTenant(project, { from: schema, to, hooks: { beforeRenameTenant: note, afterRenameTenant: note } });
    const context = { type: null, domains: [`d${count}.example`], from: schema, to };
    expect(told).toEqual([
      [{ ...context, tenant: schema }, [{ name: 'kept' }]],
      [{ ...context, tenant: to }, [{ name: 'kept' }]],
    ]);
    expect(await registered()).toContain(to);
  });

  it.each(['beforeRenameTenant', 'afterRenameTenant'] as const)('keeps the name when %s fails', async (name) => {
    const to = `${schema}_renamed`;
    const hook = async ({ client }: RenameHookContext): Promise<void> => {
      await client?.query('INSERT INTO projects DEFAULT VALUES');
      throw new Error('no');
    };
    await expect(renameTenant(project, { from: schema, to, hooks: { [name]: hook } })).rejects.toMatchObject({
      code: 'HOOK_FAILED',
      message: `The hook ${name} failed: no`,
    });
    expect(await registered()).toContain(schema);
    expect((await database.query(`SELECT name FROM ${schema}.projects`)).rows).toEqual([{ name: 'kept' }]);
  });
});

it('all of them work as the role that owns tenants', async () => {
  const role = `hook_owner_${process.pid}`;
  await database.query(`CREATE ROLE ${role}`);
  try {
    await database.query(
      `GRANT CREATE ON DATABASE "${database.name}" TO ${role}; GRANT USAGE ON SCHEMA public TO ${role};
       GRANT SELECT ON public.tenants TO ${role}`,
    );
    const roles: string[] = [];
    const names = [
      'beforeCreateTenant',
      'beforeMigrate',
      'afterMigrate',
      'afterCreateTenant',
      'beforeRenameTenant',
      'afterRenameTenant',
      'beforeDeleteTenant',
    ];
    const hooks = Object.fromEntries(
      names.map((name) => [
        name,
        async ({ client }: { client: HookClient | undefined }) => {
          const { rows } = (await client?.query<{ role: string }>('SELECT current_user::text AS role')) ?? { rows: [] };
          roles.push(`${name} ${rows[0]?.role ?? ''}`);
        },
      ]),
    );
    const owned = { ...project, role, hooks };
    await createTenant(owned, { schema: 'owned' });
    await renameTenant(owned, { from: 'owned', to: 'owned_too' });
    await deleteTenant(owned, { schema: 'owned_too' });
    expect(roles).toEqual(names.map((name) => `${name} ${role}`));
  } finally {
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});
