import { dirname } from 'node:path';

import { describe, expect, it } from 'vitest';

import { createCompiler } from '../../src/engine/compile/compiler.js';
import { listMigrationFiles } from '../../src/engine/files.js';
import { builderOf } from '../../src/engine/formats/markers.js';
import type { BuilderFormat, CompiledMigration, Direction } from '../../src/engine/types.js';
import { project, sqlOf } from '../fixtures/compile/directory.js';
import { linkPackages } from '../support/packages.js';

type Compiled = CompiledMigration & { lines: (number | undefined)[] };

async function compile(
  format: BuilderFormat,
  text: string,
  {
    direction = 'up',
    name = '0001_x.ts',
    more = {},
  }: { direction?: Direction; name?: string; more?: Record<string, string> } = {},
): Promise<Compiled> {
  const source = await project({ ...more, [name]: text }, { format });
  await linkPackages(dirname(source.directory), [format]);
  const compiler = createCompiler(source, await listMigrationFiles(source), {
    migrationsTable: 'pgmigrations',
    extensions: new Set(),
    checkExtensions: true,
    fallThrough: 'error',
  });
  const [migration] = await compiler.compile(['0001_x'], direction);
  if (migration === undefined) throw new Error('nothing was compiled');
  return { ...migration, lines: migration.statements.map(({ line }) => line) };
}

const knex = (body: string): string =>
  `export async function up(knex) {\n${body}\n}\nexport async function down(knex) {\n  await knex.raw('SELECT 1');\n}\n`;
const kysely = (body: string): string => `import { sql } from 'kysely';\nexport async function up(db) {\n${body}\n}\n`;

describe('a migration of Knex', () => {
  it('is compiled with its values, and with the lines that made the statements', async () => {
    const migration = await compile(
      'knex',
      knex(`await knex.schema.createTable('a', (t) => { t.increments(); })
        .alterTable('a', (t) => { t.string('b'); });
      await knex('a').insert({ b: "it's $1 \\\\ ?" });
      await Promise.all([
        knex.raw("UPDATE a SET b = '\\\\?' || ? || $$\\\\?$$, c = ?", ['x', [1, 'two', null]]),
      ]);`),
    );
    expect(migration).toMatchObject({ mode: 'compiled', transaction: true, lines: [2, 2, 4, 6] });
    expect(sqlOf(migration)).toEqual([
      'create table "a" ("id" serial primary key)',
      'alter table "a" add column "b" varchar(255)',
      String.raw`insert into "a" ("b") values ( E'it''s $1 \\ ?')`,
      String.raw`UPDATE a SET b = '?' || 'x' || $$?$$, c = '{"1","two",NULL}'`,
    ]);
  });

  it('is run in both directions, and may ask for no transaction', async () => {
    const text = `${knex("await knex.raw('CREATE INDEX CONCURRENTLY i ON a (b)');")}export const config = { transaction: false };`;
    expect(await compile('knex', text)).toMatchObject({ mode: 'compiled', transaction: false, lines: [2] });
    const down = await compile('knex', text, { direction: 'down' });
    expect(sqlOf(down)).toEqual(['SELECT 1']);
  });

  it.each([
    ['hasTable', "if (await knex.schema.hasTable('a')) return;", 'information_schema'],
    ['a select', "await knex('a').select('b');", 'select "b" from "a"'],
    ['returning', "await knex('a').insert({ b: 1 }).returning('id');", 'returning "id"'],
    ['the rows of a raw statement', "const { rows } = await knex.raw('SELECT 1');", 'SELECT 1'],
    ['a stream', "for await (const row of knex('a').stream()) break;", 'select * from "a"'],
    ['a loop over the number of changed rows', "while ((await knex('a').update({ b: 1 })) > 0);", 'update "a"'],
    [
      'a decision by the number of changed rows',
      "if ((await knex('a').del()) === 0) throw new Error('none');",
      'delete from "a"',
    ],
    [
      'a nested transaction that is undone',
      "await knex.transaction(async (t) => { await t.raw('SELECT 1'); throw new Error('no'); }).catch(() => undefined);",
      'ROLLBACK TO',
    ],
    ['a clock', "await knex('a').insert({ at: new Date() });", 'new Date()'],
    ['chance', "await knex('a').insert({ x: Math.random() });", 'Math.random()'],
  ])('is direct because of %s', async (_what, body, reason) => {
    const migration = await compile('knex', knex(body));
    expect(migration).toMatchObject({ mode: 'direct', statements: [] });
    expect(migration.reason).toContain(reason);
  });

  it.each([
    ['an unused answer', "await knex.raw('SELECT setval(\\'s\\', 5)');", ["SELECT setval('s', 5)"]],
    [
      'a nested transaction',
      "await knex.transaction(async (t) => { await t('a').insert({ b: 1 }); });",
      [`insert into "a" ("b") values ('1')`],
    ],
    [
      'a batch',
      "await knex.batchInsert('a', [{ b: 1 }, { b: 2 }], 1);",
      [`insert into "a" ("b") values ('1')`, `insert into "a" ("b") values ('2')`],
    ],
    [
      'the name of the client',
      "if (knex.client.config.client === 'pg' && knex.isTransaction) await knex.raw('SELECT 1');",
      ['SELECT 1'],
    ],
  ])('is compiled with %s', async (_what, body, sql) => {
    const migration = await compile('knex', knex(body));
    expect(migration.mode).toBe('compiled');
    expect(sqlOf(migration)).toEqual(sql);
  });

  it('has its names written as the knexfile of the project has it', async () => {
    const knexfile = `module.exports = {
      development: {},
      production: {
        client: 'pg',
        wrapIdentifier: (name, original) => original(name.replace(/[A-Z]/g, (letter) => '_' + letter.toLowerCase())),
        postProcessResponse: () => { throw new Error('there is no answer'); },
      },
    };`;
    const more = { '../package.json': '{}', '../knexfile.js': knexfile };
    const migration = await compile('knex', knex("await knex('theTable').insert({ aColumn: 1 });"), { more });
    expect(sqlOf(migration)).toEqual([`insert into "the_table" ("a_column") values ('1')`]);
    const broken = { ...more, '../knexfile.js': "require('not there'); // knexSnakeCaseMappers()" };
    await expect(compile('knex', knex(''), { more: broken })).rejects.toMatchObject({ code: 'FORMAT_UNAVAILABLE' });
    const without = { ...more, '../knexfile.js': "throw new Error('not run');" };
    expect((await compile('knex', knex(''), { more: without })).mode).toBe('compiled');
  });

  it('is refused when it ends its transaction, or fails, and says what is wrong', async () => {
    await expect(compile('knex', knex("await knex.raw('COMMIT');"))).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      details: { line: 2, statement: 'COMMIT' },
    });
    await expect(compile('knex', knex('await knex.commit();'))).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' });
    await expect(compile('knex', knex("throw new Error('not like this');"))).rejects.toThrow(/not like this/);
    await expect(compile('knex', 'export const down = () => {};')).rejects.toThrow(/exports no up function/);
  });

  it('refuses a transaction of its own where it has none', async () => {
    const text = `${knex("await knex.transaction(async (t) => { await t.raw('SELECT 1'); });")}export const config = { transaction: false };`;
    await expect(compile('knex', text)).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      details: {
        problems: [expect.stringContaining('(BEGIN)') as string, expect.stringContaining('(COMMIT)') as string],
      },
    });
  });
});

describe('a migration of Kysely', () => {
  it('is compiled with its values, and with the lines that made the statements', async () => {
    const migration = await compile(
      'kysely',
      kysely(`
      await db.schema.createTable('a').addColumn('b', 'text').execute();
      await db.insertInto('a').values({ b: "it's $1" }).execute();
      await Promise.all([sql\`SELECT \${1}::int, '$1'\`.execute(db)]);`),
    );
    expect(migration).toMatchObject({ mode: 'compiled', transaction: true, lines: [4, 5, 6] });
    expect(sqlOf(migration)).toEqual([
      'create table "a" ("b" text)',
      `insert into "a" ("b") values ('it''s $1')`,
      "SELECT '1'::int, '$1'",
    ]);
  });

  it('may export its functions as default, and ask for no transaction', async () => {
    const text = `// tenants: no-transaction\nimport { sql } from 'kysely';\nexport default {\n  up: (db) => sql\`REINDEX INDEX CONCURRENTLY i\`.execute(db),\n  down: (db) => sql\`SELECT 2\`.execute(db),\n};\n`;
    expect(await compile('kysely', text)).toMatchObject({ transaction: false, lines: [4] });
    expect(sqlOf(await compile('kysely', text, { direction: 'down', name: '0001_x.mjs' }))).toEqual(['SELECT 2']);
  });

  it.each([
    ['a select', "await db.selectFrom('a').select('b').execute();", 'select "b" from "a"'],
    ['the catalog', 'await db.introspection.getTables();', 'attname'],
    ['returning', "await db.insertInto('a').values({ b: 1 }).returning('id').execute();", 'returning "id"'],
    ['the rows of a raw statement', 'const { rows } = await sql`SELECT 1`.execute(db);', 'SELECT 1'],
    ['a stream', "for await (const row of db.selectFrom('a').selectAll().stream()) break;", 'select * from "a"'],
    [
      'a loop over the number of changed rows',
      "for (;;) { const { numDeletedRows } = await db.deleteFrom('a').executeTakeFirst(); if (numDeletedRows === 0n) break; }",
      'delete from "a"',
    ],
    ['a clock', "await db.insertInto('a').values({ at: Date.now() }).execute();", 'Date.now()'],
  ])('is direct because of %s', async (_what, body, reason) => {
    const migration = await compile('kysely', kysely(body));
    expect(migration).toMatchObject({ mode: 'direct', statements: [] });
    expect(migration.reason).toContain(reason);
  });

  it('includes what it did not wait for', async () => {
    const migration = await compile(
      'kysely',
      kysely("void db.schema.dropTable('a').execute();\nvoid db.schema.dropTable('b').execute();"),
    );
    expect(sqlOf(migration)).toEqual(['drop table "a"', 'drop table "b"']);
  });

  it('refuses a transaction of its own, and a way down that it does not have', async () => {
    const text = `// tenants: no-transaction\n${kysely('await db.transaction().execute(async (trx) => { await sql`SELECT 1`.execute(trx); });')}`;
    await expect(compile('kysely', text)).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      details: {
        problems: [expect.stringContaining('(BEGIN)') as string, expect.stringContaining('(COMMIT)') as string],
      },
    });
    await expect(compile('kysely', kysely(''), { direction: 'down' })).rejects.toThrow(/exports no down function/);
  });
});

describe('a project without the package', () => {
  it.each(['knex', 'kysely'] as const)('is told how to install %s', async (format) => {
    const source = await project({ '0001_x.ts': 'export const up = () => {};' }, { format });
    const files = await listMigrationFiles(source);
    const compiler = createCompiler(source, files, {
      migrationsTable: 'pgmigrations',
      extensions: new Set(),
      checkExtensions: true,
      fallThrough: 'error',
    });
    await expect(compiler.compile(['0001_x'], 'up')).rejects.toMatchObject({
      code: 'FORMAT_UNAVAILABLE',
      message: expect.stringContaining(`package ${format} is not installed`) as string,
      suggestions: [`Run in the project: npm install ${format}`],
    });
  });
});

describe('whose functions a migration has', () => {
  it.each([
    ['exports.up = function(knex) {', 'knex'],
    ['exports.up = async knex => {', 'knex'],
    ['export async function up(knex: Knex): Promise<void> {', 'knex'],
    ['export const up = async (k: Knex) => {', 'knex'],
    ["/** @param { import('knex').Knex } k */\nexports.up = (k) => {", 'knex'],
    ["export async function up(trx) { await trx.schema.createTable('a', () => {}); }", 'knex'],
    ['export async function up(db: Kysely<any>): Promise<void> {', 'kysely'],
    ["export async function up(db) { await db.schema.dropTable('a').execute(); }", 'kysely'],
    ["/** @param {import('kysely').Kysely<any>} db */\nexport const up = (db) => {", 'kysely'],
    ['exports.up = (pgm) => {', 'node-pg-migrate'],
    ["import knex from 'knex';\nexport async function up(pgm: MigrationBuilder) {", 'node-pg-migrate'],
    [
      "/** @param {import('pg-tenants/migrations').MigrationBuilder} p */\nexport const up = (p) => { p.sql(''); };",
      'node-pg-migrate',
    ],
    ['export const up = (x) => { x.createTable("a", {}); };', undefined],
    ['// clean up knex tables\nexport const up = (x) => { x.createTable("a", {}); };', undefined],
    ['// backup(knex: Knex), or up (knex)\nexport const up = (pgm) => {};', 'node-pg-migrate'],
    ['', undefined],
  ])('is told from %j', (text, expected) => {
    expect(builderOf(text)).toBe(expected);
  });
});
