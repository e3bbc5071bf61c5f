import { rename } from 'node:fs/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { checksums } from '../../src/fleet/checksums/checksums.js';
import { status } from '../../src/fleet/status.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { adoptHistory } from '../../src/run/adopt/adopt-history.js';
import { rollback } from '../../src/run/rollback.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { linkPackages } from '../support/packages.js';
import { callCli } from '../support/run-cli.js';

/** The same small migrations for both tools. */
const FLAVORS = {
  knex: {
    title: 'Knex',
    create: (table: string) => `  await knex.schema.createTable('${table}', (t) => {\n    t.integer('id');\n  });`,
    file: (up: string, down: string) =>
      `exports.up = async function (knex) {\n${up}\n};\nexports.down = async function (knex) {\n${down}\n};\n`,
    drop: (table: string) => `  await knex.schema.dropTable('${table}');`,
    ask: (table: string) =>
      `  if (await knex.schema.hasTable('never')) return;\n  await knex.schema.createTable('${table}', (t) => {\n    t.integer('id');\n  });`,
    howToCreate: /npx knex migrate:make/,
    history: `CREATE TABLE t1.knex_migrations (id serial PRIMARY KEY, name varchar(255), batch integer, migration_time timestamptz);
      INSERT INTO t1.knex_migrations (name, batch, migration_time) VALUES ('0001_a.ts', 1, now())`,
  },
  kysely: {
    title: 'Kysely',
    create: (table: string) => `  await db.schema.createTable('${table}').addColumn('id', 'integer').execute();`,
    file: (up: string, down: string) =>
      `exports.up = async function (db) {\n${up}\n};\nexports.down = async function (db) {\n${down}\n};\n`,
    drop: (table: string) => `  await db.schema.dropTable('${table}').execute();`,
    ask: (table: string) =>
      `  await db.selectFrom('a').selectAll().execute();\n  await db.schema.createTable('${table}').addColumn('id', 'integer').execute();`,
    howToCreate: /npx kysely migrate:make/,
    history: `CREATE TABLE t1.kysely_migration (name varchar(255) PRIMARY KEY, timestamp varchar(255) NOT NULL);
      INSERT INTO t1.kysely_migration VALUES ('0001_a', '2025-01-01T00:00:00.000Z')`,
  },
};

describe.each(['knex', 'kysely'] as const)('a folder of %s', (format) => {
  const { title, create, file, drop, ask, howToCreate, history } = FLAVORS[format];
  const database = useDatabase();
  let fleet: TestFleet;

  let directory = '';
  let count = 0;

  beforeAll(async () => {
    fleet = await createFleet(database);
    await linkPackages(fleet.files.root, [format]);
    await fleet.migrate({ selection: { kind: 'shared' } });
  });
  beforeEach(async () => {
    count += 1;
    // A folder of its own for each test: Node evaluates the file of a path once.
    directory = `migrations/of-test-${count}`;
    const settings = { tenants: { format, migrations: directory } };
    await fleet.files.write('tenants.config.json', JSON.stringify(settings));
    await write('0001_a.js', file(create('a'), drop('a')));
    await write('0002_b.js', file(create('b'), drop('b')));
    await write('notes.md', '');
    await createTenant(await fleet.project(), { schema: 't1', noMigrate: true });
  });
  afterEach(async () => {
    await database.query('DROP SCHEMA t1 CASCADE');
    await database.query('TRUNCATE tenants CASCADE');
  });
  afterAll(() => fleet.remove());

  const path = (name: string): string => fleet.files.path(directory, name);
  const write = (name: string, text: string): Promise<string> => fleet.files.write(`${directory}/${name}`, text);

  it('tells a failing statement by file and line, compiled or not, and leaves the tenant as it was', async () => {
    await database.query('CREATE TABLE t1.b (x int)');
    const failure = (migration: string, line: number) => ({
      status: 'failed',
      migration,
      error: { file: path(`${migration}.js`), line, message: 'relation "b" already exists' },
    });
    expect((await fleet.migrate()).results).toMatchObject([failure('0002_b', 2)]);
    expect(await fleet.applied('t1')).toEqual([]);

    await rename(path('0002_b.js'), fleet.files.path('0002_b.js'));
    await write('0002_asks.js', file(ask('b'), ''));
    expect((await fleet.migrate()).results).toMatchObject([failure('0002_asks', 3)]);
    expect(await fleet.applied('t1')).toEqual([]);
  });

  it('notices an edited file, a missing one, and one that comes too late', async () => {
    await fleet.migrate();
    await write('0002_b.js', file(create('other'), drop('b')));
    expect((await checksums(await fleet.project())).changed.map(({ migration }) => migration)).toEqual(['0002_b']);
    await write('0002_b.js', `// A comment.\n${file(create('b'), '')}`);
    expect((await checksums(await fleet.project())).changed).toEqual([]);

    await rename(path('0002_b.js'), fleet.files.path('0002_b.js'));
    expect((await status(await fleet.project())).tenants).toMatchObject({ ahead: 1 });
    expect(await fleet.migrate()).toMatchObject({ tenants: { failed: 1 } });

    await rename(fleet.files.path('0002_b.js'), path('0002_b.js'));
    await write('0001_0.js', file(create('early'), ''));
    expect((await status(await fleet.project())).tenants).toMatchObject({ outOfOrder: 1 });
    expect(await fleet.migrate()).toMatchObject({ tenants: { failed: 1, applied: 0 } });
  });

  it('is rolled back with its own functions, and refused where there is none', async () => {
    await write('0003_c.js', file(ask('c'), drop('c')));
    await fleet.migrate();
    expect(await fleet.tables('t1')).toEqual(['a', 'b', 'c', 'pgmigrations']);
    const back = async (count: number) =>
      await rollback(await fleet.project(), { selection: { kind: 'tenants' }, target: { count }, confirmed: true });
    expect(await back(2)).toMatchObject({ tenants: { rolledBack: 1 } });
    expect(await fleet.tables('t1')).toEqual(['a', 'pgmigrations']);

    await write('0004_d.js', file(create('d'), '').replace('exports.down', 'exports.other'));
    await fleet.migrate();
    await expect(back(2)).rejects.toThrow(/0004_d exports no down function/);
    expect(await fleet.tables('t1')).toEqual(['a', 'b', 'c', 'd', 'pgmigrations']);
  });

  it('is recognized by auto, and named by an error under the default', async () => {
    const { tenants } = await fleet.project();
    const { format: _, ...byDefault } = tenants;
    await expect(fleet.migrate({}, { tenants: byDefault })).rejects.toMatchObject({
      code: 'MIGRATIONS_UNREADABLE',
      message: expect.stringContaining(`0001_a.js has the format of ${title}`) as string,
      suggestions: [expect.stringContaining(`format: '${format}'`) as string],
    });
    expect(await fleet.tables('t1')).toEqual(['pgmigrations']);
    const report = await fleet.migrate({}, { tenants: { ...tenants, format: 'auto' } });
    expect(report.warnings.join('\n')).toMatch(new RegExp(`is read as ${title}.*format: '${format}'`));
    expect(await fleet.tables('t1')).toEqual(['a', 'b', 'pgmigrations']);

    await write('0003_pgm.js', 'exports.up = (pgm) => {};');
    await expect(fleet.migrate({}, { tenants: { ...tenants, format: 'auto' } })).rejects.toThrow(
      new RegExp(`0001_a.js \\(${title}\\), 0003_pgm.js \\(node-pg-migrate\\)`),
    );
  });

  it('is refused without the package, before anything runs, with the command that installs it', async () => {
    await rename(fleet.files.path('node_modules'), fleet.files.path('elsewhere'));
    const { code, stderr } = await callCli(['migrate', '--database', database.url], { cwd: fleet.files.root });
    expect(code).toBe(2);
    await rename(fleet.files.path('elsewhere'), fleet.files.path('node_modules'));
    expect(stderr).toContain(`npm install ${format}`);
    expect(await fleet.tables('t1')).toEqual(['pgmigrations']);
  });

  it('gets no new file from create-migration', async () => {
    const { code, stderr } = await callCli(['create-migration', 'x'], { cwd: fleet.files.root });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(howToCreate) as string });
  });

  it('takes over what the tool has applied', async () => {
    await database.query(history);
    const adopted = await adoptHistory(await fleet.project(), { selection: { kind: 'all' } });
    expect(adopted).toMatchObject({ tenants: { applied: 1 } });
    expect(await fleet.applied('t1')).toEqual(['0001_a']);
    expect(await fleet.tables('t1')).not.toContain('a');
  });

  it('refuses a history of files that are not there', async () => {
    await database.query(history.replace('0001_a', '0009_gone'));
    const { results } = await adoptHistory(await fleet.project(), { selection: { kind: 'all' } });
    expect(results).toMatchObject([{ status: 'failed', error: { code: 'HISTORY_MISMATCH' } }]);
    expect(JSON.stringify(results)).toContain('0009_gone was applied, but there is no file');
  });
});
