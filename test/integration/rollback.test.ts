import { rm } from 'node:fs/promises';

import { runner } from 'node-pg-migrate';
import { afterEach, describe, expect, it } from 'vitest';

import type { Project } from '../../src/project/project.js';
import { rollback } from '../../src/run/rollback.js';
import type { RollbackOptions, RollbackReport } from '../../src/run/types.js';
import { useFleet } from '../support/fleet.js';
import { openProxy } from '../support/proxy.js';

const HOSTILE = `Se"lect 'é\\ $1`;
const TENANTS = [HOSTILE, 'acme', 'globex'];
const EVERYBODY = { selection: { kind: 'tenants' }, confirmed: true } as const;

const up = (table: string): string =>
  `-- Up Migration\nCREATE TABLE ${table} (id int);\n-- Down Migration\nDROP TABLE ${table};\n`;

const fleet = useFleet({
  each: true,
  files: {
    'migrations/tenant/0002_tasks.sql': up('tasks'),
    'migrations/tenant/0003_notes.js': `exports.up = (pgm) => pgm.createTable('notes', { id: 'id' });`,
  },
  tenants: ['acme', 'globex'],
  prepare: async ({ database, migrate }) => {
    await database.query(`CREATE SCHEMA ${quoted(HOSTILE)}`);
    await database.query('INSERT INTO tenants (schema_name) VALUES ($1)', [HOSTILE]);
    await migrate();
  },
});
const { database } = fleet;

async function run(options: Partial<RollbackOptions> = {}, overrides: Partial<Project> = {}): Promise<RollbackReport> {
  return await rollback(await fleet.project(overrides), { ...EVERYBODY, ...options });
}

async function stand(): Promise<string[][]> {
  const lists: string[][] = [];
  for (const tenant of TENANTS) lists.push(await fleet.applied(tenant));
  return lists;
}

function everywhere(...names: string[]): string[][] {
  return TENANTS.map(() => names);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

describe('how far', () => {
  it('without a target the last migration of every tenant is undone, and the shared schema stays', async () => {
    const report = await run();
    expect(report.shared.status).toBe('skipped');
    expect(report.tenants).toEqual({ total: 3, rolledBack: 3, upToDate: 0, failed: 0, notExecuted: 0, missing: 0 });
    expect(report.results).toContainEqual(
      expect.objectContaining({ tenant: HOSTILE, status: 'rolledBack', migrations: ['0003_notes'] }),
    );
    expect(await stand()).toEqual(everywhere('0001_projects', '0002_tasks'));
    for (const tenant of TENANTS) expect(await fleet.tables(tenant)).toEqual(['pgmigrations', 'projects', 'tasks']);
    expect(await fleet.applied('public')).toEqual(['0001_registry']);
  });

  it('a count undoes so many, newest first, and what is not there is no failure', async () => {
    const two = await run({ target: { count: 2 } });
    expect(two.results[0]).toMatchObject({ migrations: ['0003_notes', '0002_tasks'] });
    expect(await stand()).toEqual(everywhere('0001_projects'));
    const nine = await run({ target: { count: 9 } });
    expect(nine.tenants.rolledBack).toBe(3);
    expect(await stand()).toEqual(everywhere());
    const none = await run({ target: { count: 1 } });
    expect(none.tenants).toMatchObject({ total: 3, rolledBack: 0, upToDate: 3 });
    for (const tenant of TENANTS) expect(await fleet.tables(tenant)).toEqual(['pgmigrations']);
  });

  it('a name stays, and what came after it goes; again it changes nothing', async () => {
    await run({ target: { count: 1 }, selection: { kind: 'tenants', names: ['acme'] } });
    const target = { to: '0001_projects' };
    expect((await run({ target })).tenants.rolledBack).toBe(3);
    expect(await stand()).toEqual(everywhere('0001_projects'));
    expect((await run({ target })).tenants).toMatchObject({ rolledBack: 0, upToDate: 3 });
  });

  it('a tenant that never had the named migration is left where it is', async () => {
    await run({ target: { count: 2 }, selection: { kind: 'tenants', names: ['acme'] } });
    const report = await run({ target: { to: '0002_tasks' } });
    expect(report.tenants).toMatchObject({ rolledBack: 2, upToDate: 1 });
    expect(await fleet.applied('acme')).toEqual(['0001_projects']);
  });

  it('selected tenants alone need no confirmation', async () => {
    const report = await run({ selection: { kind: 'tenants', names: [HOSTILE] }, confirmed: false });
    expect(report.tenants).toMatchObject({ total: 1, rolledBack: 1 });
    expect(await fleet.applied('acme')).toHaveLength(3);
  });

  it('fake removes the rows and nothing else', async () => {
    await run({ fake: true });
    expect(await stand()).toEqual(everywhere('0001_projects', '0002_tasks'));
    expect(await fleet.tables('acme')).toContain('notes');
  });
});

describe('the shared schema', () => {
  it('goes back by itself, without touching a tenant', async () => {
    await fleet.files.write('migrations/shared/0002_plans.sql', up('plans'));
    await fleet.migrate({ selection: { kind: 'shared' } });
    const report = await run({ selection: { kind: 'shared' }, confirmed: false });
    expect(report.shared).toEqual({ status: 'rolledBack', migrations: ['0002_plans'], error: null });
    expect(report.results).toEqual([]);
    expect(await fleet.applied('public')).toEqual(['0001_registry']);
    expect(await stand()).toEqual(everywhere('0001_projects', '0002_tasks', '0003_notes'));
  });

  it('keeps its registry as long as there are tenants, unless that is confirmed', async () => {
    const selection = { kind: 'shared' } as const;
    await expect(run({ selection, confirmed: false })).rejects.toMatchObject({ exitCode: 2 });
    expect(await fleet.tables('public')).toEqual(['domains', 'pgmigrations', 'tenants']);
    expect((await run({ selection, confirmed: true })).shared.status).toBe('rolledBack');
    expect(await fleet.tables('public')).toEqual(['pgmigrations']);
  });

  it('a failure leaves it as it was', async () => {
    await fleet.files.write('migrations/shared/0002_plans.sql', up('plans'));
    await fleet.migrate({ selection: { kind: 'shared' } });
    await database.query('CREATE TABLE public.plans_more (id int); ALTER TABLE plans ADD PRIMARY KEY (id)');
    await database.query('ALTER TABLE plans_more ADD FOREIGN KEY (id) REFERENCES plans');
    const report = await run({ selection: { kind: 'shared' } });
    expect(report.shared).toMatchObject({ status: 'failed', error: { sqlstate: '2BP01' } });
    expect(await fleet.applied('public')).toEqual(['0001_registry', '0002_plans']);
  });
});

describe('what is refused before anything is changed', () => {
  afterEach(async () => {
    expect((await stand()).every((names) => names.length >= 3)).toBe(true);
  });

  it('the whole fleet without confirmation, whoever is left out of it', async () => {
    for (const exclude of [undefined, ['acme']]) {
      const selection = { kind: 'tenants', ...(exclude === undefined ? {} : { exclude }) } as const;
      await expect(run({ selection, confirmed: false })).rejects.toMatchObject({ code: 'USAGE', exitCode: 2 });
    }
  });

  it.each([0, -1, 1.5, Number.NaN])('a count of %s', async (count) => {
    await expect(run({ target: { count } })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('a name that is no migration', async () => {
    await expect(run({ target: { to: '0002_task' } })).rejects.toMatchObject({
      code: 'UNKNOWN_MIGRATION',
      suggestions: expect.arrayContaining(['Did you mean "0002_tasks"?']) as unknown,
    });
  });

  it('an unknown tenant', async () => {
    await expect(run({ selection: { kind: 'tenants', names: ['acne'] } })).rejects.toMatchObject({
      code: 'UNKNOWN_TENANT',
    });
  });

  it('migrations without a way back, all of them at once', async () => {
    await fleet.tenantMigration('0004_no_down.sql', 'CREATE TABLE four (id int);');
    await fleet.tenantMigration('0005_off.js', `exports.up = (pgm) => pgm.sql('SELECT 1'); exports.down = false;`);
    await fleet.tenantMigration('0006_not_inferable.js', `exports.up = (pgm) => pgm.sql('SELECT 1');`);
    await fleet.tenantMigration('0007_fine.sql', up('seven'));
    await fleet.migrate();
    const refused = await run({ target: { count: 4 } }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'MIGRATION_REFUSED', exitCode: 2 });
    const { problems } = (refused as { details: { problems: string[] } }).details;
    for (const name of ['0004_no_down', '0005_off', '0006_not_inferable']) expect(problems.join('\n')).toContain(name);
    expect(await fleet.applied('acme')).toHaveLength(7);

    // Tenants that stand at different places are looked at together, too.
    await run({ target: { to: '0004_no_down' }, selection: { kind: 'tenants', names: ['globex'] }, fake: true });
    await run({ selection: { kind: 'tenants', names: ['acme', HOSTILE] } });
    const again = (await run().catch((error: unknown) => error)) as { details: { problems: string[] } };
    for (const name of ['0004_no_down', '0006_not_inferable']) {
      expect(again.details.problems.join('\n')).toContain(name);
    }
  });

  it('migrations whose file is gone, with the tenants that have them', async () => {
    await run({ selection: { kind: 'tenants', names: ['acme'] }, fake: true });
    await database.query(`INSERT INTO acme.pgmigrations (name, run_on) VALUES ('0003_other', now())`);
    await rm(fleet.files.path('migrations', 'tenant', '0003_notes.js'));
    const refused = await run().catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'UNKNOWN_MIGRATION', exitCode: 2 });
    const problems = (refused as { details: { problems: string[] } }).details.problems.join('\n');
    expect(problems).toContain('0003_other, applied in acme');
    expect(problems).toContain(`0003_notes, applied in ${HOSTILE}, globex`);
  });

  it('the same migrations can be faked away', async () => {
    await fleet.tenantMigration('0004_no_down.sql', 'CREATE TABLE four (id int);');
    await fleet.migrate();
    await rm(fleet.files.path('migrations', 'tenant', '0004_no_down.sql'));
    expect((await run({ fake: true })).tenants.rolledBack).toBe(3);
    expect((await stand())[0]).toHaveLength(3);
  });
});

describe('one tenant at a time', () => {
  it('a failing tenant is left where it was, and the others go on', async () => {
    await database.query('CREATE VIEW acme.on_tasks AS SELECT * FROM acme.tasks');
    const report = await run({ target: { count: 2 } }, { canary: 0 });
    expect(report.tenants).toMatchObject({ rolledBack: 2, failed: 1 });
    expect(report.results).toContainEqual(
      expect.objectContaining({
        tenant: 'acme',
        status: 'failed',
        migration: '0002_tasks',
        committed: [],
        error: expect.objectContaining({ sqlstate: '2BP01' }) as object,
      }),
    );
    expect(await fleet.applied('acme')).toEqual(['0001_projects', '0002_tasks', '0003_notes']);
    expect(await fleet.tables('acme')).toContain('notes');
  });

  it('a canary that fails keeps the rest of its cohort from being tried', async () => {
    await database.query(`CREATE VIEW ${quoted(HOSTILE)}.v AS SELECT * FROM ${quoted(HOSTILE)}.notes`);
    const report = await run();
    expect(report.tenants).toMatchObject({ rolledBack: 0, failed: 1, notExecuted: 2 });
  });

  it('a tenant without a schema is missing', async () => {
    await database.query(`INSERT INTO tenants (schema_name) VALUES ('ghost')`);
    const report = await run();
    expect(report.tenants).toMatchObject({ rolledBack: 3, missing: 1 });
    expect(report.results).toContainEqual({ tenant: 'ghost', status: 'missing' });
  });

  it('a table that only the shared schema has is not dropped in its place', async () => {
    await database.query('CREATE TABLE public.notes (id int); DROP TABLE acme.notes');
    const report = await run({}, { canary: 0 });
    expect(report.results).toContainEqual(expect.objectContaining({ tenant: 'acme', status: 'failed' }));
    expect(await fleet.tables('public')).toContain('notes');
  });

  it('tenants that stand at different places go back from where they are', async () => {
    await run({ selection: { kind: 'tenants', names: ['globex'] } });
    await run();
    expect(await fleet.applied('acme')).toEqual(['0001_projects', '0002_tasks']);
    expect(await fleet.applied('globex')).toEqual(['0001_projects']);
  });
});

describe('migrations of other kinds', () => {
  it('that ask the database while they are undone run tenant by tenant, each once', async () => {
    const asking = (table: string): string =>
      `exports.up = (pgm) => pgm.createTable('${table}', { id: 'id' });
       exports.down = async (pgm) => {
         const rows = await pgm.db.select("SELECT current_schema() AS at, to_regclass('${table}') IS NOT NULL AS here");
         if (!rows[0].here) throw new Error('not here');
         pgm.dropTable('${table}');
       };`;
    await fleet.tenantMigration('0004_asks.js', asking('four'));
    await fleet.tenantMigration('0005_asks.js', asking('five'));
    await fleet.migrate();
    const report = await run({ target: { count: 3 } });
    expect(report.results.filter(({ status }) => status !== 'rolledBack')).toEqual([]);
    expect(await stand()).toEqual(everywhere('0001_projects', '0002_tasks'));
    for (const tenant of TENANTS) expect(await fleet.tables(tenant)).toEqual(['pgmigrations', 'projects', 'tasks']);
  });

  it('outside a transaction are undone there, between what is inside one', async () => {
    await fleet.tenantMigration(
      '0004_index.sql',
      `-- tenants: no-transaction\n-- Up Migration\nCREATE INDEX CONCURRENTLY notes_index ON notes (id);\n-- Down Migration\nDROP INDEX CONCURRENTLY notes_index;\n`,
    );
    await fleet.tenantMigration('0005_five.sql', up('five'));
    await fleet.migrate();
    // A run that was killed had dropped it already.
    await database.query('DROP INDEX acme.notes_index');
    const report = await run({ target: { to: '0002_tasks' } });
    expect(report.results.filter(({ status }) => status !== 'rolledBack')).toEqual([]);
    expect(report.results[0]).toMatchObject({ migrations: ['0005_five', '0004_index', '0003_notes'] });
    expect(await stand()).toEqual(everywhere('0001_projects', '0002_tasks'));
  });
});

describe('node-pg-migrate and we', () => {
  const npm = async (direction: 'up' | 'down', count: number): Promise<string[]> => {
    const dbClient = await database.client();
    const ran = await runner({
      dbClient,
      dir: fleet.files.path('migrations', 'tenant'),
      schema: 'acme',
      migrationsTable: 'pgmigrations',
      direction,
      count,
      singleTransaction: true,
      log: () => undefined,
    });
    return ran.map(({ name }) => name);
  };

  it('agree on where a tenant is, back and forth', async () => {
    await run({ target: { count: 2 } });
    expect(await npm('up', 1)).toEqual(['0002_tasks']);
    await run({ target: { count: 1 } });
    expect(await fleet.applied('acme')).toEqual(['0001_projects']);
    expect(await npm('up', 2)).toEqual(['0002_tasks', '0003_notes']);
    expect(await npm('down', 1)).toEqual(['0003_notes']);
    const report = await run({ target: { to: '0001_projects' }, selection: { kind: 'tenants', names: ['acme'] } });
    expect(report.results[0]).toMatchObject({ migrations: ['0002_tasks'] });
    await fleet.migrate();
    expect(await npm('up', 9)).toEqual([]);
  });
});

describe('when the database fails', () => {
  it('a connection that breaks at the COMMIT undoes nothing twice', async () => {
    for (const deliver of [true, false]) {
      const proxy = await openProxy(database);
      proxy.cut({ when: (frame) => frame.type === 'P' && frame.sql === 'COMMIT', deliver });
      const report = await run({}, { database: proxy.config, concurrency: 1, canary: 0 });
      await proxy.close();
      expect(report.tenants).toMatchObject({ rolledBack: 3, failed: 0 });
    }
    expect(await stand()).toEqual(everywhere('0001_projects'));
  });

  it('a tenant that another session rolls back in the meantime is not rolled back once more', async () => {
    const holder = await database.client();
    const { tenantLock } = await import('../../src/db/locks.js');
    await holder.query('SELECT pg_advisory_lock($1)', [tenantLock('acme')]);
    const selection = { kind: 'tenants', names: ['acme'] } as const;
    const running = run({ selection: { kind: 'tenants', names: [...selection.names] } }, { lockTimeoutMs: 5000 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await holder.query(`DROP TABLE acme.notes; DELETE FROM acme.pgmigrations WHERE name = '0003_notes'`);
    await holder.query('SELECT pg_advisory_unlock_all()');
    expect((await running).results).toMatchObject([{ status: 'failed', error: { code: 'TENANT_MOVED' } }]);
    expect(await fleet.applied('acme')).toEqual(['0001_projects', '0002_tasks']);
  });

  it('a first signal leaves the rest as it is', async () => {
    const drain = new AbortController();
    drain.abort();
    const report = await run({ drain: drain.signal });
    expect(report.interrupted).toBe(true);
    expect(report.tenants).toMatchObject({ rolledBack: 0, notExecuted: 3 });
  });
});
