import { beforeEach, describe, expect, it } from 'vitest';

import type { MigrateHook, MigrateHookContext } from '../../src/project/hook-types.js';
import { rollback } from '../../src/run/rollback.js';
import { ONE_LANE, onlyAcme, TENANTS, useHookFleet } from './hook-fleet.js';

const hooked = useHookFleet();

describe('the hooks around the migrations', () => {
  it('are called in the transaction, in the place of the migrations, before the first and after the last', async () => {
    const told: unknown[] = [];
    const note =
      (when: string): MigrateHook =>
      async ({ client, ...context }) => {
        const answer = await client?.query<{ schema: string; tasks: boolean }>(
          `SELECT current_schema()::text AS schema, to_regclass('tasks') IS NOT NULL AS tasks`,
        );
        await client?.query({ text: 'INSERT INTO audit VALUES ($1, $2)', values: [context.tenant, when] });
        told.push([when, context, answer?.rows[0]]);
      };
    const report = await hooked.migrate({ beforeMigrate: note('before'), afterMigrate: note('after') });
    expect(report.tenants).toMatchObject({ applied: 3, failed: 0 });
    expect(told).toEqual(
      TENANTS.flatMap((tenant) => {
        const context = { tenant, type: null, migrations: ['0002_tasks'], direction: 'up' };
        return [
          ['before', context, { schema: tenant, tasks: false }],
          ['after', context, { schema: tenant, tasks: true }],
        ];
      }),
    );
    expect(await hooked.audit()).toHaveLength(6);

    told.length = 0;
    expect((await hooked.migrate({ beforeMigrate: note('before') })).tenants.upToDate).toBe(3);
    expect(told).toEqual([]);
  });

  it('are others when migrations are undone', async () => {
    const told: string[] = [];
    const note =
      (name: string): MigrateHook =>
      async ({ tenant, direction, migrations, client }) => {
        const tasks = await client?.query<{ there: boolean }>(`SELECT to_regclass('tasks') IS NOT NULL AS there`);
        told.push(`${name} ${tenant} ${direction} ${migrations.join()} ${String(tasks?.rows[0]?.there)}`);
      };
    const hooks = Object.fromEntries(
      ['beforeMigrate', 'afterMigrate', 'beforeRollback', 'afterRollback'].map((name) => [name, note(name)]),
    );
    await hooked.fleet.migrate();
    const undone = await rollback(await hooked.fleet.project({ ...ONE_LANE, hooks }), {
      selection: { kind: 'tenants', names: ['acme'] },
      target: { count: 1 },
    });
    expect(undone.tenants).toMatchObject({ failed: 0 });
    expect(told).toEqual(['beforeRollback acme down 0002_tasks true', 'afterRollback acme down 0002_tasks false']);
  });

  it('are not called by --fake, nor for the shared schema', async () => {
    await hooked.fleet.files.write('migrations/shared/0002_plans.sql', 'CREATE TABLE plans (id int);');
    const told: string[] = [];
    const beforeMigrate = ({ tenant }: MigrateHookContext): void => void told.push(tenant);
    await hooked.fleet.migrate({ selection: { kind: 'shared' } }, { hooks: { beforeMigrate } });
    await hooked.fleet.migrate({ fake: true }, { hooks: { beforeMigrate } });
    expect(told).toEqual([]);
    expect(await hooked.fleet.applied('acme')).toEqual(['0001_projects', '0002_tasks']);
  });

  it('are called once for a tenant that has a transaction for each migration', async () => {
    await hooked.fleet.tenantMigration('0003_notes.sql', 'CREATE TABLE notes (id int);');
    const told: string[] = [];
    const note =
      (when: string): MigrateHook =>
      async ({ tenant, client }) => {
        const tables = await client?.query<{ list: string }>(
          `SELECT string_agg(relname, ' ' ORDER BY relname) AS list FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`,
        );
        if (tenant === 'acme') told.push(`${when}: ${tables?.rows[0]?.list ?? ''}`);
      };
    const hooks = { beforeMigrate: note('before'), afterMigrate: note('after') };
    await hooked.migrate(hooks, { transaction: 'migration' });
    expect(told).toEqual(['before: pgmigrations projects', 'after: notes pgmigrations projects tasks']);
  });

  it('undo the last transaction alone when the last one fails', async () => {
    await hooked.fleet.tenantMigration('0003_notes.sql', 'CREATE TABLE notes (id int);');
    const afterMigrate = onlyAcme(() => Promise.reject(new Error('no')));
    const report = await hooked.migrate({ afterMigrate }, { transaction: 'migration' });
    expect(report.results.find(({ tenant }) => tenant === 'acme')).toMatchObject({
      status: 'failed',
      committed: ['0002_tasks'],
      error: { code: 'HOOK_FAILED', hook: 'afterMigrate' },
    });
    expect(await hooked.fleet.applied('acme')).toEqual(['0001_projects', '0002_tasks']);
    expect((await hooked.migrate({})).tenants).toMatchObject({ applied: 1, upToDate: 2 });
  });

  it('work beside migrations that are built while they run, and leave no trace in the session', async () => {
    await hooked.fleet.tenantMigration(
      '0003_direct.js',
      `exports.up = async (pgm) => { const { rows } = await pgm.db.query('SELECT current_user AS u, current_schema()::text AS s');
         pgm.sql("INSERT INTO audit VALUES ('" + rows[0].s.replaceAll("'", "''") + "', 'direct')"); };`,
    );
    await hooked.database.query(`DO $$ BEGIN CREATE ROLE hook_role; EXCEPTION WHEN duplicate_object THEN NULL; END $$`);
    const beforeMigrate: MigrateHook = async ({ tenant, client }) => {
      const seen = await client?.query<{ role: string; own: string | null }>(
        `SELECT current_user AS role, current_setting('hook.trace', true) AS own`,
      );
      await client?.query('INSERT INTO audit VALUES ($1, $2)', [tenant, `trace ${seen?.rows[0]?.own || 'none'}`]);
      await client?.query(`SELECT set_config('hook.trace', 'left', false), set_config('search_path', 'public', false)`);
      await client?.query('SET ROLE hook_role');
    };
    const report = await hooked.migrate({ beforeMigrate });
    expect(report.tenants).toMatchObject({ applied: 3, failed: 0 });
    expect(await hooked.audit()).toEqual([
      'acme: direct',
      'acme: trace none',
      'big "Corp": direct',
      'big "Corp": trace none',
      'select: direct',
      'select: trace none',
    ]);
    const { rows } = await hooked.database.query(
      `SELECT DISTINCT r.rolname = 'hook_role' AS wrong FROM pg_class c JOIN pg_roles r ON r.oid = relowner WHERE relname = 'tasks'`,
    );
    expect(rows).toEqual([{ wrong: false }]);
  });

  it('leave no trace in the session beside compiled migrations either', async () => {
    const seen: unknown[] = [];
    const beforeMigrate: MigrateHook = async ({ client }) => {
      const answer = await client?.query<{ own: string | null }>(`SELECT current_setting('hook.trace', true) AS own`);
      seen.push(answer?.rows[0]?.own || 'none');
      await client?.query(`SELECT set_config('hook.trace', 'left', false)`);
      await client?.query('CREATE TEMPORARY TABLE leftover (id int)');
    };
    expect((await hooked.migrate({ beforeMigrate })).tenants).toMatchObject({ applied: 3, failed: 0 });
    expect(seen).toEqual(['none', 'none', 'none']);
  });

  it('that write rows do not stand in the way of migrations', async () => {
    await hooked.database.query(
      `DO $$ DECLARE s name; BEGIN FOREACH s IN ARRAY ARRAY['acme', 'big "Corp"', 'select'] LOOP
        EXECUTE format('ALTER TABLE %I.projects ADD parent bigint REFERENCES %1$I.projects DEFERRABLE INITIALLY DEFERRED', s); END LOOP; END $$`,
    );
    await hooked.fleet.tenantMigration('0003_alter.sql', 'ALTER TABLE projects ADD COLUMN note text;');
    const row: MigrateHook = async ({ client }) => {
      await client?.query(`INSERT INTO projects (name, parent) VALUES ('x', currval('projects_id_seq'))`);
    };
    expect((await hooked.migrate({ beforeMigrate: row, afterMigrate: row })).tenants).toMatchObject({ applied: 3 });
    await hooked.fleet.tenantMigration('0004_more.sql', 'ALTER TABLE projects ADD COLUMN more text;');
    const wrong: MigrateHook = async ({ client }) => {
      await client?.query(`INSERT INTO projects (name, parent) VALUES ('x', -1)`);
    };
    const report = await hooked.migrate({ afterMigrate: wrong });
    expect(report.results).toMatchObject(
      Array.from({ length: 3 }, () => ({ error: { code: 'HOOK_FAILED', hook: 'afterMigrate', sqlstate: '23503' } })),
    );
  });
});

describe('the client of a hook', () => {
  it('refuses to be used after its end, and nothing of it reaches the next tenant', async () => {
    const kept: NonNullable<MigrateHookContext['client']>[] = [];
    const beforeMigrate: MigrateHook = async ({ client }) => {
      if (client !== undefined) kept.push(client);
      await kept[0]?.query(`INSERT INTO audit VALUES ('x', current_schema())`);
    };
    const report = await hooked.migrate({ beforeMigrate });
    expect(report.tenants).toMatchObject({ applied: 1, failed: 2 });
    expect(report.results.filter(({ status }) => status === 'failed')).toMatchObject(
      Array.from({ length: 2 }, () => ({
        error: { message: expect.stringContaining('was used after the hook had ended') as string },
      })),
    );
    expect(await hooked.audit()).toEqual(['x: acme']);
    await expect(kept[0]?.query('SELECT 1')).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('shows nothing of the connection', async () => {
    const shown: string[] = [];
    await hooked.migrate({ beforeMigrate: (context) => void shown.push(JSON.stringify(context)) });
    expect(shown[0]).toBe('{"tenant":"acme","type":null,"migrations":["0002_tasks"],"direction":"up","client":{}}');
  });

  it('takes several queries at once', async () => {
    const afterMigrate = onlyAcme((client) =>
      Promise.all([1, 2, 3].map((n) => client.query('INSERT INTO audit VALUES ($1, $2)', ['acme', String(n)]))),
    );
    expect((await hooked.migrate({ afterMigrate })).tenants).toMatchObject({ applied: 3 });
    expect(await hooked.audit()).toEqual(['acme: 1', 'acme: 2', 'acme: 3']);
  });
});

describe('outside a transaction', () => {
  beforeEach(() =>
    hooked.fleet.tenantMigration(
      '0003_index.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY tasks_id ON tasks (id);',
    ),
  );

  it('there is no client', async () => {
    const told: string[] = [];
    const note =
      (when: string): MigrateHook =>
      ({ tenant, client }) =>
        void told.push(`${when} ${tenant} ${client === undefined ? 'without' : 'with'}`);
    await hooked.migrate({ beforeMigrate: note('before'), afterMigrate: note('after') });
    expect(told.slice(0, 2)).toEqual(['before acme with', 'after acme without']);
    await hooked.fleet.tenantMigration(
      '0004_index.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY again ON tasks (id);',
    );
    await hooked.fleet.tenantMigration('0005_notes.sql', 'CREATE TABLE notes (id int);');
    told.length = 0;
    await hooked.migrate({ beforeMigrate: note('before'), afterMigrate: note('after') });
    expect(told.slice(0, 2)).toEqual(['before acme without', 'after acme with']);
  });

  it('what comes before fails with nothing done, what comes after with everything done', async () => {
    const fail = ({ tenant }: MigrateHookContext): void => {
      if (tenant === 'acme') throw new Error('no');
    };
    const after = await hooked.migrate({ afterMigrate: fail });
    expect(after.results.find(({ tenant }) => tenant === 'acme')).toMatchObject({
      status: 'failed',
      committed: ['0002_tasks', '0003_index'],
      error: { code: 'HOOK_FAILED', message: 'The hook afterMigrate failed: no' },
    });
    expect(await hooked.fleet.applied('acme')).toEqual(['0001_projects', '0002_tasks', '0003_index']);
    await hooked.fleet.tenantMigration(
      '0004_index.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY again ON tasks (id);',
    );
    const before = await hooked.migrate({ beforeMigrate: fail });
    expect(before.tenants).toMatchObject({ applied: 2, failed: 1 });
    expect(before.results.find(({ tenant }) => tenant === 'acme')).toMatchObject({ status: 'failed', committed: [] });
    expect(await hooked.fleet.applied('acme')).not.toContain('0004_index');
  });
});
