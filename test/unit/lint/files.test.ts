import { execFileSync } from 'node:child_process';
import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { loadProject } from '../../../src/config/load.js';
import { TENANT_MIGRATION_TEXT } from '../../../src/config/scaffold.js';
import { lintMigrations } from '../../../src/lint/lint-migrations.js';
import { registryMigration } from '../../../src/registry/migration-template.js';
import { lintFiles, lintProject, lintTenant, rulesOf } from '../../fixtures/lint.js';
import { SHAPE } from '../../support/registry-shapes.js';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
const BAD = 'ALTER TABLE t ALTER n SET NOT NULL;\n';

describe('what is not worth a finding', () => {
  it('is the sample application, whose comments give a reason for what they switch off', async () => {
    const project = await loadProject({ cwd: REPOSITORY, env: {}, configFile: undefined });
    const report = await lintMigrations({ ...project, root: REPOSITORY, database: undefined });
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ files: 15, ignored: 3, unread: [{ migration: '0008_project-slugs' }] });
  });

  it('is the example application', async () => {
    const project = await loadProject({ cwd: join(REPOSITORY, 'examples/express'), env: {} });
    expect((await lintMigrations({ ...project, database: undefined })).findings).toEqual([]);
  });

  it('is what init writes', async () => {
    const { findings, files } = await lintFiles({
      'migrations/shared/0001_shared.sql': registryMigration(SHAPE),
      'migrations/tenant/0001_older.sql': TENANT_MIGRATION_TEXT,
    });
    expect({ findings, files }).toEqual({ findings: [], files: 2 });
  });

  it('is a scan of the registry, which has a row for each tenant', async () => {
    const sql = `ALTER TABLE tenants ADD COLUMN plan text NOT NULL DEFAULT 'free' CHECK (plan <> ''); CREATE INDEX ON tenants (plan);`;
    const { findings } = await lintFiles({ 'migrations/shared/0002_plan.sql': sql });
    expect(findings).toEqual([]);
    const { findings: others } = await lintFiles({
      'migrations/shared/0002_c.sql': 'CREATE INDEX ON currencies (code);',
    });
    expect(others).toMatchObject([{ rule: 'create-index-without-concurrently', schema: 'shared', type: null }]);
  });
});

describe('the place of a finding', () => {
  it('is that of the part of the statement, in characters of the file', async () => {
    const text = `\uFEFF-- Überschrift 😀\n-- Up Migration\n\nSELECT 'ä';\r\n  ALTER TABLE t ADD COLUMN "größe" int,\n    /* 😀 */ ADD c int NOT NULL;\n`;
    expect(await lintTenant(text)).toMatchObject([
      {
        rule: 'add-column-not-null',
        line: 6,
        column: 18,
        statement: expect.stringMatching(/^ALTER TABLE t ADD COLUMN "größe"/),
      },
    ]);
  });

  it('in a down migration is that in the file', async () => {
    const text = '-- Up Migration\nSELECT 1;\n-- Down Migration\nSELECT 2;\n  DROP TABLE t;\n';
    expect(await lintTenant(text)).toMatchObject([{ rule: 'down-loses-data', line: 5, column: 3 }]);
  });

  it('of a statement that the grammar refuses is where it stops', async () => {
    const found = await lintTenant('SELECT 1;\nSELECT 2 FROM;\n');
    expect(found).toMatchObject([{ rule: 'cannot-be-run', line: 2, column: 14, statement: 'SELECT 2 FROM;' }]);
  });

  it('in a script is the line that calls the builder, in TypeScript as well', async () => {
    const text = `import type { MigrationBuilder } from 'node-pg-migrate';

interface Names {
  table: string;
}

const rename = (pgm: MigrationBuilder, { table }: Names): void => {
  pgm.renameColumn(table, 'n', 'm');
};

export async function up(pgm: MigrationBuilder): Promise<void> {
  await Promise.resolve();
  pgm.sql('SELECT 1');
  rename(pgm, { table: 't' });
}
`;
    const found = await lintTenant(text, '0002_new.ts');
    expect(found).toMatchObject([
      { rule: 'rename-column', line: 8, column: null, statement: 'ALTER TABLE "t" RENAME "n" TO "m"' },
    ]);
  });

  it('orders findings by file, line and column', async () => {
    const { findings } = await lintFiles({
      'migrations/tenant/0003_b.sql': 'DROP TABLE u;',
      'migrations/tenant/0002_a.sql':
        'SELECT 1;\nALTER TABLE t DROP COLUMN n, ALTER at SET NOT NULL;\nALTER TABLE t ADD c int NOT NULL;',
    });
    expect(findings.map(({ migration, line }) => `${migration}:${line}`)).toEqual([
      '0002_a:2',
      '0002_a:2',
      '0002_a:3',
      '0003_b:1',
    ]);
  });
});

describe('a migration file', () => {
  it('of JavaScript is looked at by the SQL that it sends', async () => {
    const text = `exports.up = (pgm) => {\n  pgm.addColumns('t', { c: { type: 'int', notNull: true } });\n};\n`;
    expect(await lintTenant(text, '0002_new.cjs')).toMatchObject([{ rule: 'add-column-not-null', line: 2 }]);
  });

  it('that uses a clock is looked at although its SQL differs', async () => {
    const text = `exports.up = (pgm) => {\n  pgm.sql('CREATE INDEX i' + Date.now() + ' ON t (n)');\n};\n`;
    expect(await lintTenant(text, '0002_new.cjs')).toMatchObject([
      { rule: 'create-index-without-concurrently', line: 2 },
    ]);
  });

  it('that asks the database is looked at up to the question, and named', async () => {
    const text = `exports.up = async (pgm) => { pgm.dropColumn('t', 'n'); await pgm.db.query('SELECT 1'); pgm.dropTable('u'); };\n`;
    const { findings, unread } = await lintFiles({ 'migrations/tenant/0002_new.cjs': text });
    expect(rulesOf(findings)).toEqual(['drop-column']);
    expect(unread).toMatchObject([{ migration: '0002_new', reason: expect.stringContaining('pgm.db.query') }]);
  });

  it('that throws is one that cannot be run', async () => {
    const found = await lintTenant(`exports.up = () => { throw new Error('no luck'); };`, '0002_new.cjs');
    expect(found).toMatchObject([{ rule: 'cannot-be-run', message: expect.stringContaining('no luck'), line: null }]);
  });

  it('that is not UTF-8 is one that cannot be run', async () => {
    const { files, project } = await lintProject({});
    await writeFile(files.path('migrations/tenant/0002_new.sql'), Buffer.from("SELECT 1;\nSELECT '\xe4';\n", 'latin1'));
    const { findings } = await lintMigrations(project);
    expect(findings).toMatchObject([{ rule: 'cannot-be-run', line: 2, message: expect.stringContaining('UTF-8') }]);
  });

  it('that is not looked at still says what a table was like', async () => {
    const files = {
      'migrations/tenant/0002_a.sql': 'ALTER TABLE t ADD CONSTRAINT c CHECK (n IS NOT NULL) NOT VALID;',
      'migrations/tenant/0003_b.sql': '-- tenants: no-transaction\nALTER TABLE t VALIDATE CONSTRAINT c;',
      'migrations/tenant/0004_c.sql': BAD,
    };
    const report = await lintFiles(files, { paths: ['migrations/tenant/0004_c.sql'] });
    expect(report).toMatchObject({ findings: [], files: 1 });
  });

  it('of a type of tenant is looked at in its own directory', async () => {
    const { findings } = await lintFiles({
      'tenants.config.json': '{ "tenants": { "types": { "shop": "./migrations/shop" } } }',
      'migrations/shop/0001_a.sql': 'CREATE TABLE s (n int);',
      'migrations/shop/0002_b.sql': 'CREATE INDEX ON s (n);',
    });
    expect(findings).toMatchObject([{ type: 'shop', schema: 'tenant', migration: '0002_b' }]);
  });

  it('may use an extension that a shared migration creates', async () => {
    const { findings } = await lintFiles({
      'migrations/shared/0002_extension.sql': 'CREATE EXTENSION citext;',
      'migrations/tenant/0002_new.sql': 'CREATE EXTENSION IF NOT EXISTS citext;',
    });
    expect(findings).toEqual([]);
  });
});

describe('a comment', () => {
  it.each([
    ['before the statement', `-- tenants: lint-ignore set-not-null Few rows.\n${BAD}`],
    ['before it, with others between', `-- tenants: lint-ignore set-not-null Few rows.\n-- More.\n\n${BAD}`],
    ['in it', 'ALTER TABLE t\n  -- tenants: lint-ignore set-not-null Few rows.\n  ALTER n SET NOT NULL;'],
    ['behind it', 'ALTER TABLE t ALTER n SET NOT NULL; -- tenants: lint-ignore set-not-null Few rows.\nSELECT 1;'],
    ['before the up part', `-- tenants: lint-ignore set-not-null Few rows.\n-- Up Migration\nSELECT 1;\n${BAD}`],
  ])('%s switches a rule off', async (_, text) => {
    const report = await lintFiles({ 'migrations/tenant/0002_new.sql': text });
    expect(report).toMatchObject({ findings: [], ignored: 1 });
  });

  it.each([
    ['before another statement', `-- tenants: lint-ignore set-not-null Few rows.\nSELECT 1;\n${BAD}`],
    ['behind another statement', `SELECT 1; -- tenants: lint-ignore set-not-null Few rows.\n${BAD}`],
    ['behind the statement, in another line', `${BAD}-- tenants: lint-ignore set-not-null Few rows.\n`],
    ['about another rule', `-- tenants: lint-ignore drop-table Few rows.\n${BAD}`],
    [
      'in the down part',
      `-- Up Migration\n${BAD}-- Down Migration\n-- tenants: lint-ignore set-not-null Few rows.\nSELECT 1;`,
    ],
  ])('%s does not', async (_, text) => {
    expect(rulesOf(await lintTenant(text))).toEqual(['set-not-null']);
  });

  it('in a script is about the whole file', async () => {
    const text = `// tenants: lint-ignore drop-table Nobody uses it.\nexports.up = (pgm) => {\n  pgm.dropTable('t');\n};\n`;
    expect(await lintTenant(text, '0002_new.cjs')).toEqual([]);
  });

  it('about a finding without a statement may stand anywhere', async () => {
    expect(await lintTenant('-- tenants: lint-ignore empty-migration It was a mistake, and is applied.\n')).toEqual([]);
  });

  it('with a misspelled rule is a finding that names the nearest one', async () => {
    expect(await lintTenant('-- tenants: lint-ignore drop-tabel It is fine.\nSELECT 1;')).toMatchObject([
      { rule: 'lint-ignore', severity: 'error', line: 1, suggestion: expect.stringContaining('"drop-table"') },
    ]);
  });
});

describe('the configuration', () => {
  it('sets the level of each rule', async () => {
    const rules = { 'set-not-null': 'warning', 'drop-table': 'off', 'missing-down': 'error' };
    const { findings } = await lintFiles({
      'tenants.config.json': JSON.stringify({ lint: { rules } }),
      'migrations/tenant/0002_new.sql': `${BAD}DROP TABLE t;`,
    });
    expect(
      findings.filter(({ migration }) => migration === '0002_new').map(({ rule, severity }) => [rule, severity]),
    ).toEqual([
      ['missing-down', 'error'],
      ['set-not-null', 'warning'],
    ]);
  });

  it('is refused with an unknown rule or level, and names the nearest rule', async () => {
    const rules = { 'set-not-nul': 'off', 'drop-table': 'warn' };
    await expect(lintProject({ 'tenants.config.json': JSON.stringify({ lint: { rules } }) })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: {
        problems: [
          `lint.rules.drop-table: expected 'error', 'warning' or 'off'`,
          'lint.rules.set-not-nul: unknown key. Did you mean "set-not-null"?',
        ],
      },
    });
  });

  it('that lets migrations fall through lets them change other schemas', async () => {
    const files = { 'migrations/tenant/0002_new.sql': 'CREATE TABLE public.new (n int);' };
    expect(rulesOf((await lintFiles(files)).findings)).toEqual(['other-schema']);
    const off = { 'tenants.config.json': '{ "fallThrough": "off" }' };
    expect(rulesOf((await lintFiles({ ...files, ...off })).findings)).toEqual(['shared-schema-name']);
  });
});

describe('paths', () => {
  const FILES = { 'migrations/tenant/0002_new.sql': BAD, 'migrations/shared/0002_other.sql': 'DROP TABLE currencies;' };

  it.each([
    [['migrations/tenant/0002_new.sql'], ['0002_new']],
    [['migrations/tenant'], ['0002_new']],
    [['migrations'], ['0002_other', '0002_new']],
    [['.'], ['0002_other', '0002_new']],
    [['migrations/shared', 'migrations/tenant/0001_older.sql'], ['0002_other']],
  ])('%j mean the migrations in them', async (paths, found) => {
    const { findings } = await lintFiles(FILES, { paths });
    expect(findings.map(({ migration }) => migration)).toEqual(found);
  });

  it('outside the directories of the project are taken for tenant migrations', async () => {
    const { files, project } = await lintProject({
      'drafts/0001_a.sql': 'DROP TABLE t;',
      'drafts/0002_b.sql': 'DROP TABLE u;',
    });
    const lint = async (path: string): Promise<string[]> =>
      (await lintMigrations(project, { paths: [path], cwd: files.root })).findings.map(({ migration }) => migration);
    expect(await lint('drafts')).toEqual(['0001_a', '0002_b']);
    expect(await lint('drafts/0002_b.sql')).toEqual(['0002_b']);
  });

  it('may lead through a link', async () => {
    const { files, project } = await lintProject(FILES);
    await symlink(files.path('migrations'), files.path('link'));
    const { findings } = await lintMigrations(project, { paths: ['link/tenant'] });
    expect(rulesOf(findings)).toEqual(['set-not-null']);
  });

  it('need no other directory of the project', async () => {
    const { files, project } = await lintProject(FILES);
    await rm(files.path('migrations/shared'), { recursive: true });
    expect(rulesOf((await lintMigrations(project, { paths: ['migrations/tenant'] })).findings)).toEqual([
      'set-not-null',
    ]);
    await expect(lintMigrations(project)).rejects.toMatchObject({ code: 'MIGRATIONS_UNREADABLE' });
  });

  it('that do not exist are all named', async () => {
    await expect(lintFiles(FILES, { paths: ['nowhere', 'migrations', 'no.sql'] })).rejects.toMatchObject({
      code: 'USAGE',
      message: 'There is no file or folder nowhere, no.sql.',
    });
  });

  it('without a migration are refused', async () => {
    const files = { 'notes/read.md': 'x', 'migrations/tenant/notes.md': 'x' };
    await expect(lintFiles(files, { paths: ['notes'] })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(lintFiles(files, { paths: ['migrations/tenant/notes.md'] })).rejects.toMatchObject({
      code: 'USAGE',
      message: 'migrations/tenant/notes.md is no migration file.',
    });
  });
});

describe('since a git revision', () => {
  it('only files that differ from it are looked at, new ones and ones in a sub-folder of the repository included', async () => {
    const { files, project } = await lintProject({
      'migrations/tenant/0002_a.sql': 'DROP TABLE t;',
      'migrations/tenant/0003_b.sql': 'DROP TABLE t;',
    });
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args], {
        cwd: join(files.root, '..'),
        encoding: 'utf8',
      });
    git('init', '--quiet');
    git('add', '.');
    git('commit', '--quiet', '--message', 'first');
    expect((await lintMigrations(project, { since: 'HEAD' })).files).toBe(0);

    await files.write('migrations/tenant/0003_b.sql', 'DROP TABLE u;');
    git('commit', '--quiet', '--all', '--message', 'second');
    await files.write('migrations/tenant/0004_größe "c".sql', BAD);
    await rm(files.path('migrations/tenant/0002_a.sql'));
    const names = async (since: string, paths?: string[]): Promise<string[]> =>
      (await lintMigrations(project, { since, ...(paths === undefined ? {} : { paths }) })).findings.map(
        ({ migration }) => migration,
      );
    expect(await names('HEAD')).toEqual(['0004_größe "c"']);
    expect(await names('HEAD~1')).toEqual(['0003_b', '0004_größe "c"']);
    expect(await names('HEAD~1', ['migrations/tenant/0003_b.sql'])).toEqual(['0003_b']);
    for (const unknown of ['no-such-branch', '--output=stolen', 'HEAD; touch stolen']) {
      await expect(lintMigrations(project, { since: unknown })).rejects.toMatchObject({
        code: 'USAGE',
        message: `The repository has no revision "${unknown}".`,
      });
    }
  });

  it('outside a repository is refused', async () => {
    await expect(lintFiles({}, { since: 'HEAD' })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('needs a git repository'),
    });
  });
});

describe('migrations of other tools', () => {
  const lintFormat = async (format: string, files: Record<string, string>): Promise<unknown[]> => {
    const own = Object.fromEntries(Object.entries(files).map(([name, text]) => [`db/${name}`, text]));
    const config = { tenants: { migrations: './db', format } };
    const { findings } = await lintFiles({ 'tenants.config.json': JSON.stringify(config), ...own });
    return findings.map(({ rule, file, line, column }) => ({
      rule,
      file: file.replace(/^.*\/db\//, ''),
      line,
      column,
    }));
  };

  it('with both directions in one file have their places in it', async () => {
    const found = await lintFormat('sql', {
      '20260101000000_a.sql': '-- migrate:up\nCREATE TABLE t (id int);\n\n-- migrate:down\nDROP TABLE t;\n',
      '20260102000000_b.sql':
        '-- migrate:up\n  CREATE INDEX ON t (id);\n-- tenants: lint-ignore drop-table Nobody uses it.\nDROP TABLE t;\n\n-- migrate:down\nDROP TABLE u;\n',
    });
    expect(found).toEqual([
      { rule: 'create-index-without-concurrently', file: '20260102000000_b.sql', line: 2, column: 3 },
      { rule: 'down-loses-data', file: '20260102000000_b.sql', line: 7, column: 1 },
    ]);
  });

  it('with a file for each direction are told apart', async () => {
    const found = await lintFormat('sql', {
      '000001_a.up.sql': 'CREATE TABLE t (id int);',
      '000001_a.down.sql': 'DROP TABLE t;',
      '000002_b.up.sql': 'ALTER TABLE t ADD COLUMN c int;',
      '000002_b.down.sql': '-- tenants: lint-ignore down-loses-data It is empty.\nDROP TABLE u;\nDROP TABLE w;',
    });
    expect(found).toEqual([{ rule: 'down-loses-data', file: '000002_b.down.sql', line: 3, column: 1 }]);
  });

  it('that name the schema of the application are looked at as they will run', async () => {
    const found = await lintFormat('drizzle', {
      'meta/_journal.json': JSON.stringify({
        version: '7',
        dialect: 'postgresql',
        entries: [
          { idx: 0, version: '7', when: 1, tag: '0000_a', breakpoints: true },
          { idx: 1, version: '7', when: 2, tag: '0001_b', breakpoints: true },
        ],
      }),
      '0000_a.sql': 'CREATE TABLE "public"."t" ("id" int);',
      '0001_b.sql':
        'ALTER TABLE "public"."t" ADD COLUMN "c" int;--> statement-breakpoint\n\nALTER TABLE "public"."t" ADD COLUMN "d" int NOT NULL;',
    });
    expect(found).toEqual([{ rule: 'add-column-not-null', file: '0001_b.sql', line: 3, column: null }]);
  });
});
