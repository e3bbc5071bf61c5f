import { rm } from 'node:fs/promises';

import { describe, expect, it, vi } from 'vitest';

import { tenantLock } from '../../src/db/locks.js';
import type { FleetEvent } from '../../src/fleet/types.js';
import type { Project } from '../../src/project/project.js';
import { dryRunMigrate, dryRunRollback } from '../../src/run/dry-run/dry-run.js';
import type { DryRunReport } from '../../src/run/dry-run/types.js';
import { exitCodeOf } from '../../src/run/report.js';
import { rollback } from '../../src/run/rollback.js';
import { RICH } from '../fixtures/rich-schema.js';
import { useFleet } from '../support/fleet.js';
import { runCli } from '../support/run-cli.js';

const all = { selection: { kind: 'all' } } as const;

/** Everything that a run could change: structure, rows, sequences, migrations, the journal. */
async function everything(database: { query: (sql: string) => Promise<{ rows: unknown[] }> }): Promise<unknown> {
  const { rows } = await database.query(`SELECT
    (SELECT json_agg(json_build_array(n.nspname, c.relname, c.relkind, c.relfilenode, c.relacl::text) ORDER BY 1, n.nspname, c.relname)
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_|^information_schema') AS relations,
    (SELECT json_agg(json_build_array(attrelid::regclass::text, attname, atttypid::regtype::text, attnotnull) ORDER BY attrelid::regclass::text, attnum)
       FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE relnamespace::regnamespace::text !~ '^pg_|^information_schema' AND attnum > 0) AS columns,
    (SELECT json_agg(json_build_array(schemaname, sequencename, last_value) ORDER BY 1, schemaname, sequencename) FROM pg_sequences) AS sequences,
    (SELECT json_agg(json_build_array(table_schema, table_name, query_to_xml(format('SELECT * FROM %I.%I', table_schema, table_name), false, true, '')::text)
       ORDER BY table_schema, table_name) FROM information_schema.tables WHERE table_schema !~ '^pg_|^information_schema' AND table_type = 'BASE TABLE') AS rows,
    (SELECT count(*) FROM pg_namespace) AS schemas`);
  return rows[0];
}

describe('a dry run', () => {
  const fleet = useFleet({ tenants: ['t1', 't2', 't3', 't4'] });

  it('says what each statement does, and which tenants would fail, and changes nothing', async () => {
    await fleet.database.query(`INSERT INTO t2.projects (name) VALUES ('twice'), ('twice');
      INSERT INTO t3.projects (name) VALUES (NULL); INSERT INTO t4.projects (name) SELECT 'n' || n FROM generate_series(1, 500) n`);
    await fleet.files.write(
      'migrations/shared/0002_plans.sql',
      "-- Up Migration\nCREATE TABLE plans (id serial PRIMARY KEY, name text);\nINSERT INTO plans (name) VALUES ('free');\nALTER TABLE tenants ADD COLUMN plan int REFERENCES plans;\n-- Down Migration\nDROP TABLE plans CASCADE;\n",
    );
    await fleet.tenantMigration('0002_rich.sql', RICH);
    await fleet.tenantMigration(
      '0003_names.sql',
      `-- Up Migration
INSERT INTO projects (name) VALUES ('made by the migration');
ALTER TABLE projects ALTER COLUMN name SET NOT NULL;
ALTER TABLE projects ADD CONSTRAINT one_name UNIQUE (name);
ALTER TABLE projects ADD COLUMN plan int REFERENCES public.plans, ALTER COLUMN name TYPE varchar(100) USING left(name, 100), ALTER COLUMN id TYPE int;
-- Down Migration
`,
    );
    await fleet.tenantMigration('0004_asks.js', ASKS);
    await fleet.tenantMigration(
      '0005_index.sql',
      '-- Up Migration\n-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY by_plan ON projects (plan);\n-- Down Migration\n',
    );
    const before = await everything(fleet.database);
    const report = await dryRunMigrate(await fleet.project(), { ...all, sample: 'all' });
    expect(await everything(fleet.database)).toEqual(before);
    expect(report.shared).toMatchObject({ status: 'wouldApply', migrations: ['0002_plans'], error: null });
    expect(report.tenants).toMatchObject({ total: 4, applied: 2, failed: 2, notExecuted: 0, notTried: 0 });
    expect(report.results).toMatchObject([
      {
        tenant: 't1',
        status: 'wouldApply',
        migrations: ['0002_rich', '0003_names', '0004_asks'],
        notTried: [{ migration: '0005_index' }],
      },
      { tenant: 't2', status: 'wouldFail', migration: '0003_names', error: { sqlstate: '23505' } },
      { tenant: 't3', status: 'wouldFail', migration: '0003_names', error: { sqlstate: '23502' } },
      { tenant: 't4', status: 'wouldApply' },
    ]);
    expect(exitCodeOf(report)).toBe(1);
    const [cohort] = report.cohorts;
    expect(cohort).toMatchObject({
      count: 4,
      tried: ['t1', 't2', 't3', 't4'],
      notTried: [{ migration: '0005_index' }],
    });
    const of = (text: string) => cohort?.statements.find(({ sql }) => sql.startsWith(text));
    expect(of('INSERT')?.locks).toEqual([{ object: 'projects', mode: 'RowExclusiveLock' }]);
    expect(of('ALTER TABLE projects ALTER COLUMN name')).toMatchObject({
      migration: '0003_names',
      rewrites: false,
      locks: [{ object: 'projects', mode: 'AccessExclusiveLock' }],
    });
    expect(of('ALTER TABLE projects ADD COLUMN plan')).toMatchObject({ rewrites: true, locks: [] });
    expect(of('ALTER TABLE projects ADD COLUMN plan')?.walBytes).toBeGreaterThan(10_000);
    expect(of('SELECT nextval')).toMatchObject({ migration: '0004_asks', locks: [] });
    expect(cohort?.statements.every(({ ms }) => ms > 0)).toBe(true);
  });
});

describe('a dry run of', () => {
  const fleet = useFleet({ tenants: ['a', 'b', 'c', 'd', 'e'] });

  /** Does a dry run, and sees that it changed nothing. */
  async function tryOut(
    options: Parameters<typeof dryRunMigrate>[1] = all,
    overrides: Partial<Project> = {},
  ): Promise<DryRunReport> {
    const before = await everything(fleet.database);
    const report = await dryRunMigrate(await fleet.project(overrides), options);
    expect(await everything(fleet.database)).toEqual(before);
    return report;
  }

  async function withMigrations<T>(files: Record<string, string>, work: () => Promise<T>): Promise<T> {
    for (const [name, text] of Object.entries(files)) await fleet.files.write(`migrations/${name}`, text);
    try {
      return await work();
    } finally {
      for (const name of Object.keys(files)) await rm(`${fleet.files.root}/migrations/${name}`);
    }
  }

  it('some tenants takes the canary, or the largest and the newest', async () => {
    await fleet.database.query(`INSERT INTO c.projects (name) SELECT repeat('x', 500) FROM generate_series(1, 500)`);
    await withMigrations({ 'tenant/0002_more.sql': up('CREATE TABLE more (id int)') }, async () => {
      expect((await tryOut()).cohorts).toMatchObject([{ count: 5, tried: ['a'] }]);
      expect((await tryOut(all, { canary: 'd' })).cohorts).toMatchObject([{ tried: ['d'] }]);
      const report = await tryOut({ ...all, sample: 2 }, { executor: 'multiprocessing', concurrency: 1 });
      expect(report).toMatchObject({ executor: 'standard', tenants: { total: 5, applied: 2, notTried: 3, failed: 0 } });
      expect(report.cohorts).toMatchObject([{ tried: ['c', 'e'] }]);
      expect(exitCodeOf(report)).toBe(0);
      expect((await tryOut({ ...all, sample: 9 })).tenants).toMatchObject({ applied: 5, notTried: 0 });
    });
    expect((await tryOut()).tenants).toMatchObject({ total: 5, upToDate: 5, applied: 0 });
  });

  it('what needs something that cannot be tried, or an earlier commit, says so and does not fail', async () => {
    const files = {
      'tenant/0002_index.sql': up(
        '-- tenants: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY named ON projects (id)',
      ),
      'tenant/0003_use.sql': up('ALTER TABLE projects ADD CONSTRAINT named UNIQUE USING INDEX named'),
      'tenant/0004_late.sql': up('CREATE TABLE late (id int)'),
    };
    await withMigrations(files, async () => {
      const { results, cohorts } = await tryOut();
      expect(results).toMatchObject([{ tenant: 'a', status: 'wouldApply', migrations: [] }]);
      expect(cohorts[0]?.notTried.map(({ migration, reason }) => [migration, reason.slice(0, 30)])).toEqual([
        ['0002_index', 'it runs outside a transaction,'],
        ['0003_use', 'it may need 0002_index, which '],
        ['0004_late', 'it follows 0003_use, which was'],
      ]);
    });
    const enums = {
      'tenant/0002_kind.sql': up("CREATE TYPE kind AS ENUM ('a'); CREATE TABLE kinds (kind kind)"),
      'tenant/0003_add.sql': up("ALTER TYPE kind ADD VALUE 'b'"),
      'tenant/0004_use.sql': up("INSERT INTO kinds VALUES ('b')"),
    };
    await withMigrations(enums, async () => {
      await fleet.migrate({ selection: { kind: 'tenants' }, target: { to: '0002_kind' } });
      expect((await tryOut()).results).toMatchObject([{ status: 'wouldFail', error: { sqlstate: '55P04' } }]);
      const { results } = await tryOut(all, { transaction: 'migration' });
      expect(results).toMatchObject([
        { status: 'wouldApply', migrations: ['0003_add'], notTried: [{ migration: '0004_use' }] },
      ]);
      await undo();
    });
  });

  it('a shared migration that fails leaves the tenants alone, and exits as a failed run does', async () => {
    const files = { 'shared/0002_bad.sql': up('SELECT 1/0'), 'tenant/0002_more.sql': up('CREATE TABLE more (id int)') };
    await withMigrations(files, async () => {
      const report = await tryOut();
      expect(report.shared).toMatchObject({ status: 'wouldFail', error: { sqlstate: '22012' } });
      expect(report.tenants).toMatchObject({ notExecuted: 5, failed: 0 });
      expect(exitCodeOf(report)).toBe(1);
    });
  });

  it('migrations that move sequences leaves those of tenants where they are and reports shared ones', async () => {
    await fleet.database.query('CREATE SEQUENCE shared_numbers; ALTER TABLE a.projects ADD COLUMN n serial');
    const sql =
      "INSERT INTO projects (name) VALUES ('x'); SELECT setval('projects_n_seq', 99), nextval('public.shared_numbers')";
    await withMigrations({ 'tenant/0002_rows.sql': up(sql) }, async () => {
      const before = await everything(fleet.database);
      const { warnings, results } = await dryRunMigrate(await fleet.project(), all);
      expect(results).toMatchObject([{ tenant: 'a', status: 'wouldApply' }]);
      expect(warnings).toEqual([expect.stringContaining('public.shared_numbers moved from unused to 1')]);
      await fleet.database.query('ALTER SEQUENCE shared_numbers RESTART');
      expect(JSON.stringify(await everything(fleet.database)).replace(/"shared_numbers","S","\d+"/, '')).toEqual(
        JSON.stringify(before).replace(/"shared_numbers","S","\d+"/, ''),
      );
    });
    await fleet.database.query('DROP SEQUENCE shared_numbers; ALTER TABLE a.projects DROP COLUMN n');
  });

  it('a project with hooks calls none and says so', async () => {
    let called = 0;
    await withMigrations({ 'tenant/0002_more.sql': up('CREATE TABLE more (id int)') }, async () => {
      const hooks = { afterMigrate: () => void (called += 1) };
      const { warnings } = await tryOut(all, { hooks });
      expect(warnings).toEqual([expect.stringContaining('Not tried: afterMigrate.')]);
    });
    expect(called).toBe(0);
  });

  it('tenants whose schema is missing reports them, or makes the schema and takes it back', async () => {
    await fleet.database.query(`INSERT INTO tenants (schema_name, name) VALUES ('gone', 'gone')`);
    const report = await tryOut();
    expect(report.results).toEqual([{ tenant: 'gone', status: 'missing' }]);
    expect(exitCodeOf(report)).toBe(1);
    expect((await tryOut({ ...all, missing: 'create' })).results).toMatchObject([
      { tenant: 'gone', status: 'wouldApply' },
    ]);
    await fleet.database.query(`DELETE FROM tenants WHERE schema_name = 'gone'`);
  });

  it('a table that somebody has locked waits as long as a run would, and that fails', async () => {
    const client = await fleet.database.client();
    await client.query('BEGIN; LOCK TABLE a.projects');
    const files = { 'tenant/0002_name.sql': up("UPDATE projects SET name = 'x'") };
    await withMigrations(files, async () => {
      const { results } = await dryRunMigrate(await fleet.project({ lockTimeoutMs: 100, retries: 0 }), all);
      expect(results).toMatchObject([{ tenant: 'a', status: 'wouldFail', error: { sqlstate: '55P03' } }]);
      await client.query(`ROLLBACK; SELECT pg_advisory_lock(${tenantLock('a')})`);
      const busy = await dryRunMigrate(await fleet.project({ lockTimeoutMs: 100, retries: 0 }), all);
      expect(busy.results).toMatchObject([{ tenant: 'a', status: 'wouldFail', error: { code: 'TENANT_BUSY' } }]);
    });
    await client.end();
  });

  it('a fleet that is stopped, canceled or loses its connection reports the rest as not executed', async () => {
    await withMigrations({ 'tenant/0002_slow.sql': up('SELECT pg_sleep(20)') }, async () => {
      const drain = new AbortController();
      drain.abort();
      const stopped = await tryOut({ ...all, sample: 'all', drain: drain.signal });
      expect(stopped).toMatchObject({ interrupted: true, tenants: { notExecuted: 5 } });
      const cancel = new AbortController();
      const onEvent = (event: FleetEvent): void =>
        void (event.type === 'tenant:start' && setTimeout(() => cancel.abort(), 300));
      const canceled = await tryOut({ ...all, sample: 'all', cancel: cancel.signal, onEvent });
      expect(canceled).toMatchObject({ interrupted: true, tenants: { notExecuted: 5, failed: 0 } });
      const killed = vi.waitUntil(async () => ((await fleet.database.query(KILL)).rowCount ?? 0) > 0, {
        timeout: 30_000,
      });
      const [broken] = await Promise.all([tryOut(all, { retries: 0 }), killed]);
      expect(broken.results).toMatchObject([{ tenant: 'a', status: 'wouldFail', error: { sqlstate: '57P01' } }]);
    });
  });

  it('a rollback tries the way down, without a confirmation', async () => {
    const files = {
      'tenant/0002_down.sql': `${up('CREATE TABLE down (id int)')}\n-- Down Migration\nDROP TABLE down;\n`,
    };
    await withMigrations(files, async () => {
      await fleet.migrate();
      await fleet.database.query('CREATE VIEW b.needs AS SELECT * FROM b.down');
      const before = await everything(fleet.database);
      const report = await dryRunRollback(await fleet.project(), { selection: { kind: 'tenants' }, sample: 'all' });
      expect(await everything(fleet.database)).toEqual(before);
      expect(report.tenants).toMatchObject({ applied: 4, failed: 1 });
      expect(report.results).toContainEqual(
        expect.objectContaining({ tenant: 'b', status: 'wouldFail', migration: '0002_down' }),
      );
      expect(report.cohorts[0]?.statements).toMatchObject([{ sql: 'DROP TABLE down', locks: [{ object: 'down' }] }]);
      await fleet.database.query('DROP VIEW b.needs');
      await undo();
    });
  });

  it('what cannot be combined is refused, as are flags that mean nothing', async () => {
    const project = await fleet.project();
    await expect(dryRunMigrate(project, { ...all, fake: true })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(dryRunMigrate(project, { selection: { kind: 'tenants', names: ['nobody'] } })).rejects.toMatchObject({
      code: 'UNKNOWN_TENANT',
    });
    const run = (...args: string[]) =>
      runCli(args, { cwd: fleet.files.root, env: { DATABASE_URL: fleet.database.url } });
    for (const args of [
      ['--sample', '2'],
      ['--dry-run', '--sample', '0'],
      ['--dry-run', '--fake'],
    ]) {
      expect((await run('migrate', ...args, '--json')).code).toBe(2);
    }
    const { code, stdout } = await run('migrate', '--dry-run', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      command: 'migrate',
      dryRun: true,
      run: null,
      exitCode: 0,
      results: [],
      cohorts: [],
    });
  });

  async function undo(): Promise<void> {
    const target = { to: '0001_projects' };
    await rollback(await fleet.project(), { selection: { kind: 'tenants' }, target, confirmed: true, fake: true });
    await fleet.database.query(
      ['a', 'b', 'c', 'd', 'e']
        .map((t) => `DROP TABLE IF EXISTS ${t}.kinds, ${t}.down; DROP TYPE IF EXISTS ${t}.kind;`)
        .join(''),
    );
  }
});

const up = (sql: string): string => `-- Up Migration\n${sql};\n`;

const KILL = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND pid <> pg_backend_pid() AND datname = current_database()`;

const ASKS = `exports.up = async (pgm) => {
  const { rows } = await pgm.db.query("SELECT nextval('numbers')::int AS n");
  pgm.createTable('asked', { id: 'id', n: { type: 'int', default: rows[0].n } });
};
exports.down = (pgm) => pgm.dropTable('asked');
`;
