import { readdir, readFile } from 'node:fs/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { useDatabase } from '../support/database.js';
import { createProject, type TestProject } from '../support/project.js';
import { runCli } from '../support/run-cli.js';

const ALL = [
  'tenants.config.ts',
  'migrations/shared/0001_create_registry.sql',
  'migrations/tenant/0001_create_projects.sql',
];

describe('init', () => {
  const database = useDatabase();
  let project: TestProject;

  beforeEach(async () => {
    project = await createProject();
  });
  afterEach(() => project.remove());

  const init = (...args: string[]) => runCli(['init', ...args], { cwd: project.root });

  it('writes a project that works', async () => {
    const outcome = await init('--json');
    expect(outcome.code).toBe(0);
    expect(outcome.json()).toEqual({ written: ALL, kept: [] });
    const env = { DATABASE_URL: database.url };
    const migrated = await runCli(['migrate', '--json'], { cwd: project.root, env });
    expect(migrated.json()).toMatchObject({ exitCode: 0, shared: { migrations: ['0001_create_registry'] } });
    const created = await runCli(['create-tenant', 'acme', 'acme.test', '--json'], { cwd: project.root, env });
    expect(created.json()).toMatchObject({ migrations: ['0001_create_projects'] });
    expect(await readFile(project.path('tenants.config.ts'), 'utf8')).toContain(
      `database: process.env.DATABASE_URL ?? 'embedded'`,
    );
  });

  it('overwrites nothing the second time', async () => {
    await init();
    await project.write(ALL[2] ?? '', 'mine');
    const outcome = await init('--json');
    expect(outcome.code).toBe(0);
    expect(outcome.json()).toEqual({ written: [], kept: ALL });
    expect(await readFile(project.path(ALL[2] ?? ''), 'utf8')).toBe('mine');
  });

  it('goes into another folder and says how to go on', async () => {
    const outcome = await init('sub/app');
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toMatch(/Next:\n {2}cd sub\/app\n {2}tenants migrate/);
    expect(await readdir(project.path('sub', 'app'))).toEqual(['migrations', 'tenants.config.ts']);
  });

  it('writes a project of its own below another one', async () => {
    await init();
    expect((await init('sub', '--json')).json()).toEqual({ written: ALL, kept: [] });
  });

  it('respects a configuration that is there, its directories and its names', async () => {
    const config = {
      shared: { schema: 'main', migrations: 'db/main' },
      tenants: { migrations: 'db/each' },
      registry: { tenants: 'accounts' },
    };
    await project.write('package.json', JSON.stringify({ tenants: config }));
    await project.write('db/each/20240101000000000_first.js', '');
    const outcome = await init('--json');
    expect(outcome.code).toBe(0);
    expect(outcome.json()).toEqual({
      written: ['db/main/0001_create_registry.sql'],
      kept: ['package.json', 'db/each'],
    });
    expect(await readFile(project.path('db/main/0001_create_registry.sql'), 'utf8')).toMatch(
      /CREATE TABLE "?accounts"?/,
    );
    expect(await readdir(project.root)).toEqual(['db', 'package.json']);
  });

  it('refuses two configurations and writes nothing', async () => {
    await project.write('tenants.config.mjs', 'export default {};');
    await project.write('tenants.config.json', '{}');
    const outcome = await init('--json');
    expect(outcome.code).toBe(2);
    expect(outcome.json()).toMatchObject({ error: { code: 'CONFIG_CONFLICT' } });
    expect(await readdir(project.root)).toHaveLength(2);
  });

  it('refuses a file in the place of a folder, and leaves it alone', async () => {
    await project.write('notes', 'mine');
    for (const folder of ['notes', 'notes/app']) {
      const outcome = await init(folder, '--json');
      expect(outcome.code, folder).toBe(2);
      expect(outcome.json(), folder).toMatchObject({ error: { code: 'FILE_EXISTS' } });
    }
    expect(await readFile(project.path('notes'), 'utf8')).toBe('mine');
  });
});

describe('a folder without a configuration', () => {
  it('is told of init by the errors of other commands', async () => {
    const project = await createProject();
    try {
      for (const env of [{}, { DATABASE_URL: 'postgres://u@127.0.0.1:1/x' }]) {
        const outcome = await runCli(['migrate'], { cwd: project.root, env });
        expect(outcome.code).toBeGreaterThan(0);
        if (outcome.code === 2) expect(outcome.stderr).toMatch(/no configuration[^]*run: tenants init$/m);
      }
    } finally {
      await project.remove();
    }
  });
});
