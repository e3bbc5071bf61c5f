import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { findConfig } from '../../src/config/find.js';
import { loadProject, type LoadOptions } from '../../src/config/load.js';
import { isTenantsError } from '../../src/errors/tenants-error.js';

let folder: string;
const env = () => ({ USER: 'os-user', HOME: '/nonexistent' }) as Record<string, string | undefined>;
const load = (options: Partial<LoadOptions> = {}) => loadProject({ cwd: folder, env: env(), ...options });
const at = (...names: string[]) => path.join(folder, ...names);

async function write(name: string, content: string): Promise<string> {
  await mkdir(path.dirname(at(name)), { recursive: true });
  await writeFile(at(name), content);
  return at(name);
}

async function failure(promise: Promise<unknown>) {
  const error: unknown = await promise.then(
    () => new Error('nothing was thrown'),
    (reason: unknown) => reason,
  );
  if (isTenantsError(error)) return error;
  throw error;
}

beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'tenants config ü %41 ')));
});
afterEach(() => rm(folder, { recursive: true }));

describe('tenants that share tables', () => {
  const rows = { tenants: { types: { pooled: 'rows', premium: './premium' } } };

  it('are the types that are rows, with the usual names unless others are given', async () => {
    await write('tenants.config.json', JSON.stringify(rows));
    const { registry, tenants } = await load();
    expect(tenants.types).toEqual({ premium: at('premium') });
    const usual = { types: ['pooled'], column: 'tenant_id', key: 'id', setting: 'app.tenant_id', schema: 'public' };
    expect(registry.rows).toEqual(usual);
    const own = { column: 'org', key: 'uuid', setting: 'my.org', schema: 'app' };
    await write('tenants.config.json', JSON.stringify({ ...rows, rows: own }));
    expect((await load()).registry.rows).toEqual({ types: ['pooled'], ...own });
  });

  it('need a type column and a setting that an application may make', async () => {
    const registry = { tenants: { columns: { type: null } } };
    await write('tenants.config.json', JSON.stringify({ ...rows, registry, rows: { setting: 'tenant' } }));
    expect((await failure(load())).message + JSON.stringify((await failure(load())).details)).toContain('rows.setting');
    await write('tenants.config.json', JSON.stringify({ ...rows, registry }));
    expect(JSON.stringify((await failure(load())).details)).toContain('need a type column');
  });
});

describe('loadProject without a file', () => {
  it('holds to the defaults, relative to the current folder', async () => {
    expect(await load()).toEqual({
      root: folder,
      configFile: null,
      database: undefined,
      databaseVariable: 'DATABASE_URL is not set.',
      connectWaitMs: 0,
      lint: { rules: {} },
      rollout: {},
      warnings: [],
      shared: { schema: 'public', migrations: at('migrations', 'shared') },
      tenants: {
        migrations: at('migrations', 'tenant'),
        extraSearchPath: [],
        types: undefined,
        order: 'schema_name',
        distribute: 'auto',
      },
      registry: {
        schema: 'public',
        tenants: {
          table: 'tenants',
          columns: {
            id: 'id',
            schemaName: 'schema_name',
            name: 'name',
            type: 'type',
            status: 'status',
            createdAt: 'created_at',
          },
        },
        domains: {
          table: 'domains',
          columns: { id: 'id', domain: 'domain', tenantId: 'tenant_id', isPrimary: 'is_primary' },
        },
        ignoreStatuses: [],
      },
      migrationsTable: 'pgmigrations',
      checkOrder: true,
      ignorePattern: undefined,
      decamelize: false,
      tsconfigPaths: false,
      executor: 'standard',
      maxProcesses: 2,
      chunkSize: 2,
      concurrency: undefined,
      role: undefined,
      fallThrough: 'error',
      recycle: { tenants: 500 },
      hooks: {},
      canary: 1,
      maxFailures: undefined,
      retries: 3,
      lockTimeoutMs: 5000,
      statementTimeoutMs: 0,
      lockWaitMs: 0,
      transaction: 'tenant',
      journal: { schema: 'tenants_journal' },
      pool: { size: 0 },
      snapshot: {},
      checksums: 'warn',
    });
  });
});

describe('configuration files', () => {
  const module = `import { defineConfig } from 'pg-tenants';\nexport default defineConfig({ canary: 7 });\n`;
  it.each<[string, string]>([
    [
      'tenants.config.ts',
      `import { defineConfig, type TenantsConfig } from 'pg-tenants';
       import { canary } from './settings/ünï code.ts';
       const config: TenantsConfig = { canary };
       export default defineConfig(config) satisfies TenantsConfig;`,
    ],
    ['tenants.config.js', module],
    ['tenants.config.mjs', module],
    [
      'tenants.config.js',
      `const { defineConfig } = require('pg-tenants'); module.exports = defineConfig({ canary: 7 });`,
    ],
    ['tenants.config.mjs', `export default () => ({ canary: 7 });`],
    ['tenants.config.ts', `export default async () => { await null; return { canary: 7 as number }; };`],
    ['tenants.config.mjs', `const canary = await Promise.resolve(7); export default { canary };`],
    ['tenants.config.json', '\uFEFF{ "canary": 7 }'],
    ['package.json', '{ "name": "app", "tenants": { "canary": 7 } }'],
    ['tenants.config.js', `exports.canary = 7;`],
    ['tenants.config.ts', `import pg from 'pg'; export default { canary: typeof pg.Client === 'function' ? 7 : 0 };`],
    [
      'tenants.config.mjs',
      `import path, { sep } from 'node:path'; import cfg from './settings/common.cjs';
       export default { canary: path.sep === sep && cfg.canary };`,
    ],
  ])('reads %s: %s', async (name, content) => {
    await write('settings/common.cjs', 'module.exports = { canary: 7 };');
    await write('node_modules/pg/index.js', 'module.exports = { Client: class {} };');
    await write('settings/ünï code.ts', 'export const canary: number = 7;');
    const file = await write(name, content);
    const project = await load();
    expect(project.canary).toBe(7);
    expect(project.configFile).toBe(file);
    expect(project.root).toBe(folder);
  });

  it('resolves relative paths from the folder of the file, wherever the command runs', async () => {
    await write(
      'tenants.config.json',
      JSON.stringify({
        shared: { migrations: 'db/a b' },
        tenants: { migrations: '../up', types: { shop: './shop', ünï: '/abs' } },
        executor: './lanes.mjs',
        tsconfigPaths: 'tsconfig.db.json',
      }),
    );
    await mkdir(at('deep', 'er'), { recursive: true });
    const project = await load({ cwd: at('deep', 'er') });
    expect(project.root).toBe(folder);
    expect(project.shared.migrations).toBe(at('db', 'a b'));
    expect(project.tenants.migrations).toBe(path.join(path.dirname(folder), 'up'));
    expect(project.tenants.types).toEqual({ shop: at('shop'), ünï: '/abs' });
    expect(project.executor).toBe(at('lanes.mjs'));
    expect(project.tsconfigPaths).toBe(at('tsconfig.db.json'));
  });

  it('maps the registry, and orders by the key column under its own name', async () => {
    await write(
      'tenants.config.json',
      JSON.stringify({
        shared: { schema: 'Gemeinsam "x"' },
        registry: { tenants: { table: 'accounts', columns: { schemaName: 'slug', name: null } }, domains: 'hosts' },
      }),
    );
    const { registry, tenants } = await load();
    expect(registry.schema).toBe('Gemeinsam "x"');
    expect(registry.tenants.table).toBe('accounts');
    expect(registry.tenants.columns).toMatchObject({ id: 'id', schemaName: 'slug', name: null, type: 'type' });
    expect(registry.domains).toMatchObject({ table: 'hosts', columns: { tenantId: 'tenant_id' } });
    expect(tenants.order).toBe('slug');
  });

  it('keeps hooks as functions', async () => {
    await write('tenants.config.mjs', `export default { hooks: { afterCreateTenant: () => 'called' } };`);
    const { hooks } = await load();
    expect(
      hooks.afterCreateTenant?.({ tenant: 'acme', type: null, domains: [], source: null, client: undefined }),
    ).toBe('called');
  });

  it.each<[string, string, string]>([
    ['tenants.config.json', '{\n  "canary": 1,\n  "database": s3cret\n}', 'line 3, column 15'],
    ['tenants.config.json', '[]', 'an array'],
    ['package.json', '{ "tenants": 5 }', 'a number'],
    ['package.json', '{ "tenants": {}, }', 'line 1, column 18'],
    ['tenants.config.mjs', 'export const canary = 1;', 'no default export'],
    [
      'tenants.config.ts',
      `import { defineConfig } from 'pg-tenants'; export const a = defineConfig({});`,
      'no default export',
    ],
    ['tenants.config.mjs', 'export default undefined;', 'no default export'],
    ['tenants.config.mjs', 'export default null;', 'null'],
    ['tenants.config.mjs', `export default 'text';`, 'a string'],
    ['tenants.config.mjs', 'export default async () => [];', 'an array'],
    ['tenants.config.mjs', `throw new Error('no postgres://u:s3cret@h/d today');`, 'no postgres://u:***@h/d today'],
    ['tenants.config.mjs', `export default () => { throw new Error('not now'); };`, 'not now'],
    ['tenants.config.mjs', `export default () => Promise.reject('a text');`, 'a text'],
    ['tenants.config.mjs', `import './nope.js'; export default {};`, 'nope.js'],
    ['tenants.config.ts', `export default { a: : 's3cret' };`, 'tenants.config.ts:1:20'],
  ])('refuses %s: %s', async (name, content, reason) => {
    const file = await write(name, content);
    const error = await failure(load());
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(file);
    expect(error.message).toContain(reason);
    expect(error.message).not.toMatch(/\n|s3cret|\bat .*:\d+:\d+\)/);
  });
});

describe('the search', () => {
  it('takes the nearest folder upwards that has a configuration', async () => {
    const outer = await write('tenants.config.json', '{}');
    const inner = await write('a/package.json', '{ "tenants": {} }');
    await write('a/b/package.json', '{ "name": "tenants", "keywords": ["tenants"] }');
    expect(await findConfig(at('a', 'b'))).toBe(inner);
    expect(await findConfig(folder)).toBe(outer);
  });

  it('does not go above the home folder', async () => {
    await write('tenants.config.json', '{}');
    await mkdir(at('home', 'project'), { recursive: true });
    expect(await findConfig(at('home', 'project'), at('home'))).toBeNull();
    expect(await findConfig(at('home', 'project'), homedir())).toBe(at('tenants.config.json'));
    expect(await findConfig(at('home', 'project'), folder)).toBe(at('tenants.config.json'));
  });

  it('passes over folders of that name and a package.json that is broken but says nothing of tenants', async () => {
    await mkdir(at('tenants.config.ts'));
    await write('package.json', '{ broken');
    await symlink(at('nowhere'), at('tenants.config.js'));
    expect(await findConfig(folder, folder)).toBeNull();
  });

  it.each([
    ['cjs', 'module.exports = { canary: 7 };'],
    ['cts', 'module.exports = { canary: 7 };'],
    ['mts', 'export default { canary: 7 as number };'],
  ])('finds and reads tenants.config.%s', async (ending, text) => {
    const configFile = await write(`tenants.config.${ending}`, text);
    expect(await load()).toMatchObject({ canary: 7, configFile });
  });

  it.each(['tenants.config.yaml', 'tenants.config.yml', 'tenants.config.toml', 'tenants.config.jsonc'])(
    'refuses %s by name instead of ignoring it, unless another file holds',
    async (name) => {
      const file = await write(name, '');
      expect(await failure(load())).toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(file),
        suggestions: [expect.stringContaining('tenants.config.ts')],
      });
      await write('tenants.config.json', '{ "canary": 3 }');
      expect((await load()).canary).toBe(3);
    },
  );

  it.each([
    ['tenants.config.ts', 'tenants.config.json'],
    ['tenants.config.cjs', 'tenants.config.js'],
    ['tenants.config.mjs', 'package.json'],
  ])('refuses two of them in one folder, %s and %s', async (first, second) => {
    await write(first, '{"tenants":{}}');
    await write(second, '{"tenants":{}}');
    const error = await failure(load());
    expect(error.code).toBe('CONFIG_CONFLICT');
    expect(error.message).toContain(first);
    expect(error.message).toContain(second);
    expect((await failure(load({ configFile: 'nope.json' }))).code).toBe('CONFIG_NOT_FOUND');
  });

  it('takes the named file without a search, from the flag before TENANTS_CONFIG', async () => {
    await write('tenants.config.json', '{ "canary": 1 }');
    await write('one.json', '{ "canary": 11 }');
    await write('two/other.ts', 'export default { canary: 12 };');
    expect((await load({ configFile: 'one.json' })).canary).toBe(11);
    const named = { ...env(), TENANTS_CONFIG: 'two/other.ts' };
    expect(await load({ env: named })).toMatchObject({ canary: 12, root: at('two') });
    expect((await load({ env: named, configFile: at('one.json') })).canary).toBe(11);
  });

  it.each(['--config', 'TENANTS_CONFIG'])('says when the file that %s names does not exist', async (source) => {
    const given = source === '--config' ? { configFile: 'nope.ts' } : { env: { ...env(), TENANTS_CONFIG: 'nope.ts' } };
    const error = await failure(load(given));
    expect(error.code).toBe('CONFIG_NOT_FOUND');
    expect(error.message).toContain(at('nope.ts'));
    expect(error.message).toContain(source);
  });
});

describe('the environment file', () => {
  it('is read only when named, stays below the real environment, and is seen by the configuration file', async () => {
    await write('.env', 'TENANTS_CANARY=5\nTENANTS_RETRIES=6\nDATABASE_URL="postgres://u@h/from-file"\n');
    expect((await load()).canary).toBe(1);
    const given = { ...env(), TENANTS_RETRIES: '9' };
    const project = await load({ env: given, envFile: '.env' });
    expect(project).toMatchObject({ canary: 5, retries: 9, database: { database: 'from-file' } });
    expect(given).toMatchObject({ DATABASE_URL: 'postgres://u@h/from-file', TENANTS_RETRIES: '9' });
  });

  it('may begin with a byte order mark, as editors on Windows write it', async () => {
    await write('bom.env', '\uFEFFDATABASE_URL=postgres://u@h/after-bom\n');
    expect((await load({ envFile: 'bom.env' })).database).toMatchObject({ database: 'after-bom' });
  });

  it('is an error when it is not there', async () => {
    expect((await failure(load({ envFile: 'nope.env' }))).message).toContain(at('nope.env'));
  });
});
