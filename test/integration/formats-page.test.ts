import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createCompiler } from '../../src/engine/compile/compiler.js';
import { listMigrationFiles } from '../../src/engine/files.js';
import type { FormatSetting } from '../../src/engine/types.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { readPage } from '../support/docs-page.js';
import { readFixture } from '../support/format-fixtures.js';
import { linkPackages } from '../support/packages.js';
import { createProject, type TestProject } from '../support/project.js';
import { REFERENCE_TOOLS } from '../support/reference-tools.js';
import { callCli } from '../support/run-cli.js';
import { sha, TOOL_HISTORIES } from '../support/tool-histories.js';

const SECTIONS = [
  { heading: 'From Drizzle', fixture: 'drizzle', directory: 'drizzle', adopted: ['0000_init'] },
  { heading: 'From Prisma', fixture: 'prisma', directory: 'prisma/migrations', adopted: ['20250210083000_init'] },
  {
    heading: 'From Knex',
    fixture: 'knex',
    directory: 'migrations',
    adopted: ['20250301090000_users', '20250302090000_tasks'],
  },
  {
    heading: 'From Kysely',
    fixture: 'kysely',
    directory: 'migrations',
    adopted: ['1740819600000_users', '1740906000000_tasks'],
  },
  {
    heading: 'From plain SQL and its dialects',
    fixture: 'dbmate',
    directory: 'db/migrations',
    adopted: ['20240101090000_users'],
  },
];

let database: TestDatabase;
let project: TestProject;

beforeEach(async () => {
  database = await createTestDatabase();
  project = await createProject();
});
afterEach(async () => {
  await project.remove();
  await database.drop();
});

/** A schema in which a loop around the tool has applied some of the files, and the tool has recorded that. */
async function loopOfTheTool(fixture: string, directory: string, adopted: readonly string[]): Promise<void> {
  const files = await readFixture(fixture);
  for (const [path, text] of Object.entries(files)) await project.write(join(directory, path), text);
  await database.query('CREATE SCHEMA acme');
  if (fixture === 'knex' || fixture === 'kysely') {
    await linkPackages(project.root, [fixture]);
    const ofTool = Object.keys(files).filter((file) => adopted.some((name) => file.startsWith(name)));
    const tool = await REFERENCE_TOOLS[fixture](database.url, 'acme', project.path(directory), ofTool, 'acme');
    await tool.up();
    await tool.end();
  } else {
    await applySql(fixture === 'dbmate' ? 'sql' : fixture, directory, adopted);
    const history = TOOL_HISTORIES.find((one) => one.fixture === fixture)?.history(files) ?? drizzleHistory(files);
    await database.query(history.replaceAll('$SCHEMA', 'acme'));
  }
}

const drizzleHistory = (files: Record<string, string>): string =>
  `CREATE TABLE $SCHEMA.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
   INSERT INTO $SCHEMA.__drizzle_migrations (hash, created_at) VALUES ('${sha(files['0000_init.sql'] ?? '')}', 1000)`;

async function applySql(format: FormatSetting, directory: string, names: readonly string[]): Promise<void> {
  const source = {
    directory: project.path(directory),
    ignorePattern: undefined,
    decamelize: false,
    tsconfigPaths: false,
    applicationSchema: 'public',
    format,
  };
  const options = {
    migrationsTable: 'pgmigrations',
    extensions: new Set<string>(),
    checkExtensions: true,
    fallThrough: 'error',
  } as const;
  const migrations = await createCompiler(source, await listMigrationFiles(source), options).compile([...names], 'up');
  await database.query('SET search_path TO acme, public');
  for (const { statements } of migrations) for (const { sql } of statements) await database.query(sql);
  await database.query('RESET search_path');
}

describe.each(SECTIONS)('"$heading"', ({ heading, fixture, directory, adopted }) => {
  it('leads from a loop around the tool to tenants migrate, command by command', async () => {
    await loopOfTheTool(fixture, directory, adopted);
    await linkPackages(project.root, ['pg-tenants']);
    const section = readPage('docs/formats.md').section(heading);
    const commands = section.commands();
    expect(commands[0]).toBe('npx tenants init');
    expect(commands.at(-1)).toBe('npx tenants migrate');
    const outputs: string[] = [];
    for (const command of commands) {
      const [npx, tenants, ...args] = command.split(' ');
      expect([npx, tenants]).toEqual(['npx', 'tenants']);
      const { code, stdout, stderr } = await callCli(args, {
        cwd: project.root,
        env: { DATABASE_URL: database.url },
      });
      expect({ command, code, stderr: code === 0 ? '' : stderr }).toEqual({ command, code: 0, stderr: '' });
      outputs.push(stdout);
      if (args[0] !== 'init') continue;
      const config = await readFile(project.path('tenants.config.ts'), 'utf8');
      await project.write('tenants.config.ts', config.replace(/\}\);\s*$/, `${section.block('ts')}});\n`));
    }
    const applied = async (): Promise<string[]> =>
      (await database.query('SELECT name FROM acme.pgmigrations ORDER BY id')).rows.map((row) => String(row['name']));
    const names = await applied();
    expect(names.slice(0, adopted.length)).toEqual(adopted);
    expect(names.length).toBeGreaterThan(adopted.length);
    for (const name of names) expect(outputs[4]?.includes(`-- ${name}`)).toBe(!adopted.includes(name));
    const check = await callCli(['status', '--check'], { cwd: project.root, env: { DATABASE_URL: database.url } });
    expect(check.code).toBe(0);
  });
});
