import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';

import { runner } from 'node-pg-migrate';
import { Pool } from 'pg';
import { beforeAll, describe, expect, it, vi } from 'vitest';

import { checksums } from '../../src/fleet/checksums/checksums.js';
import { status } from '../../src/fleet/status.js';
import { dryRunMigrate } from '../../src/run/dry-run/dry-run.js';
import { plan } from '../../src/run/plan.js';
import { rollback } from '../../src/run/rollback.js';
import { createTenancy } from '../../src/runtime/tenancy.js';
import { drift } from '../../src/structure/drift.js';
import { squash } from '../../src/structure/squash.js';
import { RICH } from '../fixtures/rich-schema.js';
import { useFleet } from '../support/fleet.js';
import { runCli } from '../support/run-cli.js';

const up = (sql: string): string => `-- Up Migration\n${sql};\n`;
const REPLACED = ['0001_projects', '0002_rich', '0003_rows', '0004_index'];
const AFTER = ['0004_squashed', '0005_later'];

describe('a file that replaces migrations', () => {
  const fleet = useFleet({ tenants: [] });
  const all = { selection: { kind: 'all' } } as const;
  const directory = (): string => `${fleet.files.root}/migrations/tenant`;
  const times = async (schema: string) =>
    (await fleet.database.query(`SELECT id, name, run_on FROM ${schema}.pgmigrations ORDER BY run_on, id`)).rows;

  beforeAll(async () => {
    await fleet.tenantMigration('0002_rich.sql', RICH);
    await fleet.tenantMigration('0003_rows.js', ROWS);
    await fleet.create('middle');
    await fleet.tenantMigration(
      '0004_index.sql',
      up('-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY by_name ON projects (name)'),
    );
    await fleet.create('before');
    await fleet.tenantMigration(
      '0005_later.sql',
      `${up('CREATE TABLE later (id int)')}-- Down Migration\nDROP TABLE later;\n`,
    );
    await fleet.create('after');
  });

  it('is written with what it replaces, and proven', async () => {
    await expect(squash(await fleet.project(), { to: '0009_none' })).rejects.toMatchObject({
      code: 'UNKNOWN_MIGRATION',
    });
    await expect(squash(await fleet.project(), { to: '0001_projects' })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(squash(await fleet.project(), { to: '0004_index', name: '../x' })).rejects.toMatchObject({
      code: 'USAGE',
    });
    await expect(squash(await fleet.project(), { to: '0004_index', name: 'index' })).rejects.toMatchObject({
      code: 'FILE_EXISTS',
    });
    const files = await readdir(directory());
    const { code, stdout } = await runCli(['squash', '--to', '0004_index', '--json'], {
      cwd: fleet.files.root,
      env: { DATABASE_URL: fleet.database.url },
    });
    const report = JSON.parse(stdout) as { file: string };
    expect([code, report]).toEqual([
      0,
      { file: report.file, replaces: REPLACED, defaults: ['settings.made'], behind: ['middle'], deleted: [] },
    ]);
    expect(basename(report.file)).toBe('0004_squashed.sql');
    const text = await readFile(report.file, 'utf8');
    expect(text).toMatch(/^-- tenants: replaces 0001_projects 0002_rich 0003_rows 0004_index\n/);
    expect(await readdir(directory())).toEqual([...files, '0004_squashed.sql'].sort());
    const { rows } = await fleet.database.query(
      `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenants_expected%'`,
    );
    expect(rows).toEqual([]);
    await expect(squash(await fleet.project(), { to: '0004_squashed' })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('counts as applied where all of them are, and is refused where only some are', async () => {
    const report = await status(await fleet.project());
    const states = Object.fromEntries(
      report.cohorts.map(({ tenants, state, pending }) => [tenants[0], [state, pending]]),
    );
    expect(states).toEqual({
      middle: ['ahead', []],
      before: ['pending', AFTER],
      after: ['pending', ['0004_squashed']],
    });
    const planned = await plan(await fleet.project(), { ...all, sql: true });
    expect(planned.cohorts.find(({ tenants }) => tenants[0] === 'after')?.sql).toContain(
      'takes the place of 4 applied',
    );
    const pool = new Pool({ connectionString: fleet.database.url });
    const tenancy = createTenancy({ pool, migrations: directory(), listen: false });
    const ready = async (schemaName: string) => await tenancy.isReady({ schemaName, type: null } as never);
    expect([await ready('after'), await ready('before'), await ready('middle')]).toEqual([true, false, false]);
    await tenancy.close();
    await pool.end();
    const undo = { selection: { kind: 'tenants', names: ['after'] }, target: { count: 2 } } as const;
    await expect(rollback(await fleet.project(), undo)).rejects.toThrow(
      '0004_squashed has taken the place of the files',
    );
    const to = { selection: { kind: 'tenants', names: ['after'] }, target: { to: '0002_rich' } } as const;
    await expect(fleet.migrate(to)).rejects.toThrow('0004_squashed has taken the place of the migration "0002_rich"');
    expect((await checksums(await fleet.project())).renamed).toEqual([]);
    const against = await drift(await fleet.project(), { against: { kind: 'files' }, names: ['before', 'after'] });
    expect(against.tenants).toEqual({ total: 2, equal: 2, different: 0 });
  });

  it('takes their place in the bookkeeping, with nothing run and the order kept', async () => {
    const old = await times('after');
    const tried = await dryRunMigrate(await fleet.project(), { ...all, sample: 'all' });
    expect(Object.fromEntries(tried.results.map((one) => [one.tenant, one.status]))).toEqual({
      middle: 'wouldFail',
      after: 'wouldApply',
      before: 'wouldApply',
    });
    expect(await times('after')).toEqual(old);
    const report = await fleet.migrate({}, { executor: 'multiprocessing' });
    expect(report.results.toSorted((a, b) => b.tenant.localeCompare(a.tenant))).toMatchObject([
      {
        tenant: 'middle',
        status: 'failed',
        error: { code: 'TENANT_AHEAD', message: expect.stringContaining('0004_squashed replaces') },
      },
      { tenant: 'before', status: 'applied', migrations: AFTER },
      { tenant: 'after', status: 'applied', migrations: ['0004_squashed'] },
    ]);
    for (const schema of ['before', 'after']) expect(await fleet.applied(schema)).toEqual(AFTER);
    // The row of the last one keeps its number and its time.
    expect(await times('after')).toEqual([{ ...old[3], name: '0004_squashed' }, old[4]]);
    await expect(
      fleet.migrate({ selection: { kind: 'tenants', names: ['middle'] } }, { checkOrder: false }),
    ).resolves.toMatchObject({
      tenants: { failed: 1 },
    });
  });

  it('is run by new tenants, who are equal to the others', async () => {
    await fleet.create('fresh');
    expect(await fleet.applied('fresh')).toEqual(AFTER);
    const names = ['before', 'after', 'fresh'];
    for (const against of [{ kind: 'files' as const }, { kind: 'tenant' as const, tenant: 'fresh' }]) {
      const report = await drift(await fleet.project(), { names, against, level: 'owners' });
      expect(report.groups.flatMap(({ differences }) => differences)).toEqual([]);
    }
    const rows = async (schema: string) =>
      (await fleet.database.query(`SELECT id, key, made IS NULL AS made FROM ${schema}.settings`)).rows;
    expect(await rows('fresh')).toEqual(await rows('after'));
    await fleet.database.query(`INSERT INTO fresh.settings (key) VALUES ('next')`);
    expect(await rows('fresh')).toContainEqual({ id: 3, key: 'next', made: false });
    expect(await checksums(await fleet.project())).toMatchObject({ changed: [], renamed: [] });
  });

  it('is undone like any other where something came later, and is the end of the way back', async () => {
    const names = ['after'];
    const to = { selection: { kind: 'tenants', names }, target: { to: '0004_squashed' } } as const;
    expect((await rollback(await fleet.project(), to)).results).toMatchObject([{ migrations: ['0005_later'] }]);
    const one = { selection: { kind: 'tenants', names } } as const;
    await expect(rollback(await fleet.project(), one)).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' });
    await fleet.migrate({ selection: { kind: 'tenants', names } });
  });

  it('leaves node-pg-migrate nothing to do once the replaced files are gone', async () => {
    const aside = `${fleet.files.root}/aside`;
    await mkdir(aside);
    for (const file of await readdir(directory())) {
      if (REPLACED.some((name) => file.startsWith(name))) await rename(`${directory()}/${file}`, `${aside}/${file}`);
    }
    const ran = await runner({
      databaseUrl: fleet.database.url,
      dir: directory(),
      direction: 'up',
      migrationsTable: 'pgmigrations',
      schema: 'after',
      checkOrder: true,
      noLock: true,
      log: () => undefined,
    });
    expect(ran).toEqual([]);
    // The tenant in the middle goes on with the files that were replaced.
    await rename(`${directory()}/0004_squashed.sql`, `${aside}/0004_squashed.sql`);
    for (const file of await readdir(aside)) {
      if (file !== '0004_squashed.sql') await rename(`${aside}/${file}`, `${directory()}/${file}`);
    }
    const middle = { selection: { kind: 'tenants', names: ['middle'] } } as const;
    expect((await fleet.migrate({ ...middle, target: { to: '0004_index' } })).tenants.applied).toBe(1);
    await rename(`${aside}/0004_squashed.sql`, `${directory()}/0004_squashed.sql`);
    expect((await fleet.migrate(middle)).results).toMatchObject([{ status: 'applied', migrations: AFTER }]);
    expect(await fleet.applied('middle')).toEqual(AFTER);
  });

  it('contradicts another one that replaces the same', async () => {
    await fleet.tenantMigration('0006_other.sql', `-- tenants: replaces 0003_rows\n${up('SELECT 1')}`);
    await expect(status(await fleet.project())).rejects.toThrow('both replace 0003_rows');
    await rm(`${directory()}/0006_other.sql`);
  });

  it('is not written when it would not make the same, and deletes nothing then', async () => {
    const last = { to: '0005_later', name: 'again', deleteReplaced: true };
    await expect(squash(await fleet.project(), last)).rejects.toThrow(
      'are still there: 0001_projects.sql, 0002_rich.sql',
    );
    for (const file of await readdir(directory())) {
      if (REPLACED.some((name) => file.startsWith(name))) await rm(`${directory()}/${file}`);
    }
    await fleet.tenantMigration('0007_text.sql', up(`CREATE TEXT SEARCH CONFIGURATION own (COPY = simple)`));
    await fleet.tenantMigration('0008_end.sql', up('SELECT 1'));
    const files = await readdir(directory());
    await expect(squash(await fleet.project(), { to: '0007_text', deleteReplaced: true })).rejects.toMatchObject({
      code: 'NOT_REPRODUCIBLE',
      details: { problems: [expect.stringContaining('missing text search configuration own')] },
    });
    expect(await readdir(directory())).toEqual(files);
    await rm(`${directory()}/0007_text.sql`);
    await fleet.tenantMigration('0007_slow.sql', up('SELECT pg_sleep(20)'));
    const kill = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND datname = current_database()`;
    const broken = expect(squash(await fleet.project(), { to: '0007_slow' })).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
    });
    await vi.waitUntil(async () => ((await fleet.database.query(kill)).rowCount ?? 0) > 0, { timeout: 20_000 });
    await broken;
    await rm(`${directory()}/0007_slow.sql`);
    expect(await readdir(directory())).toEqual(files.filter((file) => file !== '0007_text.sql'));
    const again = await squash(await fleet.project(), last);
    expect(again.replaces).toEqual(AFTER);
    expect(again.deleted.map((path) => basename(path))).toEqual(['0004_squashed.sql', '0005_later.sql']);
    await fleet.migrate();
    expect(await fleet.applied('middle')).toEqual(['0005_again', '0008_end']);
    await fleet.create('newest');
    expect((await drift(await fleet.project())).tenants).toMatchObject({ different: 0, total: 5 });
  });
});

const ROWS = `exports.up = async (pgm) => {
  pgm.createTable('settings', { id: 'id', key: 'text', made: { type: 'timestamptz', default: pgm.func('now()') } });
  const { rows } = await pgm.db.query("SELECT 'theme' AS key");
  pgm.sql("INSERT INTO settings (key) VALUES ('" + rows[0].key + "'), ('language')");
};
exports.down = (pgm) => pgm.dropTable('settings');
`;
