import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { loadProject } from '../../src/config/load.js';
import type { LoadedProject } from '../../src/config/loaded-project.js';
import { SETTING_NAMES, variableName, type SettingOverrides } from '../../src/config/settings.js';
import { isTenantsError } from '../../src/errors/tenants-error.js';

let folder: string;
type Given = { file?: unknown; env?: Record<string, string>; flags?: SettingOverrides };

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tenants settings '));
});
afterEach(() => rm(folder, { recursive: true }));

async function load({ file, env = {}, flags }: Given): Promise<LoadedProject> {
  if (file !== undefined) await writeFile(path.join(folder, 'tenants.config.json'), JSON.stringify(file));
  return loadProject({ cwd: folder, env: { USER: 'os-user', HOME: '/nonexistent', ...env }, flags });
}

async function failure(given: Given) {
  const error: unknown = await load(given).catch((reason: unknown) => reason);
  if (isTenantsError(error)) return error;
  throw new Error('no TenantsError was thrown');
}

describe('precedence', () => {
  it.each<[string, Given, number]>([
    ['the default', {}, 5000],
    ['the file', { file: { lockTimeout: '1s' } }, 1000],
    ['the environment', { file: { lockTimeout: '1s' }, env: { TENANTS_LOCK_TIMEOUT: '2s' } }, 2000],
    [
      'the flag',
      { file: { lockTimeout: '1s' }, env: { TENANTS_LOCK_TIMEOUT: '2s' }, flags: { lockTimeout: '3s' } },
      3000,
    ],
    ['the file, past an empty variable', { file: { lockTimeout: '1s' }, env: { TENANTS_LOCK_TIMEOUT: '' } }, 1000],
    [
      'the flag, past a wrong variable and file',
      { file: { lockTimeout: [] }, env: { TENANTS_LOCK_TIMEOUT: 'x' }, flags: { lockTimeout: 0 } },
      0,
    ],
  ])('takes %s', async (_, given, ms) => {
    expect((await load(given)).lockTimeoutMs).toBe(ms);
  });

  it.each<[string, Given, string | undefined]>([
    ['nothing', {}, undefined],
    ['PGHOST alone', { env: { PGHOST: 'h' } }, undefined],
    ['PGDATABASE', { env: { PGDATABASE: 'pg' } }, 'pg'],
    ['the file before PGDATABASE', { file: { database: 'postgres://h/file' }, env: { PGDATABASE: 'pg' } }, 'file'],
    ['DATABASE_URL', { file: { database: 'postgres://h/file' }, env: { DATABASE_URL: 'postgres://h/url' } }, 'url'],
    ['TENANTS_DATABASE', { env: { DATABASE_URL: 'postgres://h/url', TENANTS_DATABASE: 'postgres://h/own' } }, 'own'],
    ['--database', { env: { TENANTS_DATABASE: 'wrong' }, flags: { database: 'postgres://h/flag' } }, 'flag'],
    ['an object in the file', { file: { database: { host: 'h', database: 'object', port: 1 } } }, 'object'],
  ])('finds the database of %s', async (_, given, name) => {
    const { database } = await load(given);
    expect(database === 'embedded' ? database : database?.database).toBe(name);
  });

  it('has a variable for every setting, and all of them arrive', async () => {
    const values: Record<string, string> = {
      TENANTS_DATABASE: 'embedded',
      TENANTS_SHARED_SCHEMA: 'common',
      TENANTS_SHARED_FORMAT: 'sql',
      TENANTS_SHARED_MIGRATIONS: '/s',
      TENANTS_TENANTS_FORMAT: 'drizzle',
      TENANTS_TENANTS_MIGRATIONS: '/t',
      TENANTS_DISTRIBUTE: 'no',
      TENANTS_TENANTS_ORDER: 'created_at',
      TENANTS_MIGRATIONS_TABLE: 'm',
      TENANTS_CHECK_ORDER: 'false',
      TENANTS_IGNORE_PATTERN: 'x.*',
      TENANTS_DECAMELIZE: 'yes',
      TENANTS_TSCONFIG_PATHS: 'on',
      TENANTS_EXECUTOR: 'worker-threads',
      TENANTS_MAX_PROCESSES: '3',
      TENANTS_CHUNK_SIZE: '4',
      TENANTS_CONCURRENCY: '5',
      TENANTS_ROLE: 'owner',
      TENANTS_FALL_THROUGH: 'warn',
      TENANTS_RECYCLE_TENANTS: '6',
      TENANTS_CANARY: '0',
      TENANTS_MAX_FAILURES: '7',
      TENANTS_RETRIES: '8',
      TENANTS_LOCK_TIMEOUT: '250ms',
      TENANTS_STATEMENT_TIMEOUT: '2m',
      TENANTS_LOCK_WAIT: '0',
      TENANTS_CONNECT_WAIT: '30s',
      TENANTS_TRANSACTION: 'migration',
      TENANTS_WAVES: '1,50%',
      TENANTS_PAUSE: 'ask',
      TENANTS_ROLLOUT_MAX_FAILURES: '2%',
      TENANTS_MAX_DURATION: '2h',
      TENANTS_WINDOW: '22:00-05:00 Europe/Berlin',
      TENANTS_DELAY: '0.5s',
      TENANTS_MAX_REPLICA_LAG: '10s',
      TENANTS_MAX_LOCK_WAITS: '9',
      TENANTS_JOURNAL_SCHEMA: 'kept_runs',
      TENANTS_POOL_SIZE: '9',
      TENANTS_SNAPSHOT_FILE: '/snapshot.json',
      TENANTS_CHECKSUMS: 'error',
    };
    const names = SETTING_NAMES.map(variableName).filter((name) => name !== 'TENANTS_JOURNAL');
    expect(names.sort()).toEqual(Object.keys(values).sort());
    expect(await load({ env: { TENANTS_JOURNAL: 'false' } })).toMatchObject({ journal: false });
    const file = { shared: { schema: 'x' }, tenants: { extraSearchPath: ['kept'] } };
    expect(await load({ file, env: values })).toMatchObject({
      database: 'embedded',
      shared: { schema: 'common', format: 'sql', migrations: path.resolve('/s') },
      tenants: {
        format: 'drizzle',
        migrations: path.resolve('/t'),
        order: 'created_at',
        distribute: false,
        extraSearchPath: ['kept'],
      },
      registry: { schema: 'common' },
      migrationsTable: 'm',
      checkOrder: false,
      ignorePattern: 'x.*',
      decamelize: true,
      tsconfigPaths: true,
      executor: 'worker-threads',
      maxProcesses: 3,
      chunkSize: 4,
      concurrency: 5,
      role: 'owner',
      fallThrough: 'warn',
      recycle: { tenants: 6 },
      canary: 0,
      maxFailures: 7,
      retries: 8,
      lockTimeoutMs: 250,
      statementTimeoutMs: 120_000,
      rollout: {
        waves: [1, '50%'],
        pause: 'ask',
        maxFailures: '2%',
        maxDurationMs: 7_200_000,
        window: '22:00-05:00 Europe/Berlin',
        delayMs: 500,
        maxReplicaLagMs: 10_000,
        maxLockWaits: 9,
      },
      journal: { schema: 'kept_runs' },
      pool: { size: 9 },
      snapshot: { file: path.resolve('/snapshot.json') },
      checksums: 'error',
      lockWaitMs: 0,
      connectWaitMs: 30_000,
      transaction: 'migration',
      warnings: [],
    });
  });
});

describe('wrong values', () => {
  const name = 'expected a PostgreSQL name: 1 to 63 bytes, without NUL characters';
  const several = 'expected a whole number, 1 or more';
  const duration = "expected a duration such as '5s', '250ms', '2m' or '0'";
  it.each<[unknown, string]>([
    [{ lockTimout: '5s' }, 'lockTimout: unknown key. Did you mean "lockTimeout"?'],
    [{ zzz: 1 }, 'zzz: unknown key'],
    [{ tenants: { migration: 'x' } }, 'tenants.migration: unknown key. Did you mean "migrations"?'],
    [
      { hooks: { afterCreateTenan: null } },
      'hooks.afterCreateTenan: unknown key. Did you mean "afterCreateTenant", "afterRenameTenant" or "afterDeleteTenant"?',
    ],
    [{ hooks: { afterCreateTenant: 'x' } }, 'hooks.afterCreateTenant: expected a function'],
    [{ tenants: { types: { shop: 5 } } }, 'tenants.types.shop: expected a path'],
    [{ tenants: { types: { 'my shop': '' } } }, 'tenants.types["my shop"]: expected a path'],
    [{ tenants: { extraSearchPath: ['ok', ''] } }, `tenants.extraSearchPath["1"]: ${name}`],
    [{ tenants: 5 }, 'tenants: expected object, received number'],
    [{ shared: { schema: '' } }, `shared.schema: ${name}`],
    [{ shared: { schema: 'a\0' } }, `shared.schema: ${name}`],
    [{ migrationsTable: 'ü'.repeat(32) }, `migrationsTable: ${name}`],
    [{ migrationsTable: 'domains' }, 'migrationsTable: is a table of the registry already'],
    [{ role: 5 }, `role: ${name}`],
    [{ registry: { tenants: 5 } }, 'registry.tenants: expected a table name, or an object with table and columns'],
    [{ registry: { tenants: 'domains' } }, 'registry.domains: is the same table as registry.tenants'],
    [{ registry: { tenants: { columns: { schemaName: null } } } }, `registry.tenants.columns.schemaName: ${name}`],
    [
      { registry: { tenants: { columns: { schemaname: 'x' } } } },
      'registry.tenants.columns.schemaname: unknown key. Did you mean "schemaName"?',
    ],
    [{ checkOrder: 'no' }, 'checkOrder: expected true or false'],
    [{ maxProcesses: 0 }, `maxProcesses: ${several}`],
    [{ concurrency: 1.5 }, `concurrency: ${several}`],
    [{ canary: -1 }, 'canary: expected a whole number, 0 or more'],
    [{ canary: '105%' }, 'canary: expected a whole number, 0 or more, a share such as 5%, or the name of a tenant'],
    [{ maxFailures: 'many' }, 'maxFailures: expected a whole number, 1 or more, or a share such as 5%'],
    [{ recycle: { tenants: '5' } }, `recycle.tenants: ${several}`],
    [{ fallThrough: 'ignore' }, "fallThrough: expected 'error', 'warn' or 'off'"],
    [{ transaction: true }, "transaction: expected 'tenant' or 'migration'"],
    [{ lockWait: 'soon' }, `lockWait: ${duration}`],
    [{ lockWait: null }, `lockWait: ${duration}`],
    [{ executor: '' }, 'executor: expected standard, multiprocessing, worker-threads, or a module'],
    [{ tsconfigPaths: 5 }, 'tsconfigPaths: expected true, false, or the path of a tsconfig.json'],
    [{ database: 5 }, "database: expected a PostgreSQL URL, a node-postgres configuration object, or 'embedded'"],
    [{ database: { hots: 'x' } }, 'database.hots: unknown key. Did you mean "host"?'],
    [{ database: { port: 'x' } }, 'database.port: expected a port number'],
    [{ database: 'Embedded' }, 'database: expected a PostgreSQL URL'],
  ])('reports %j', async (file, problem) => {
    const error = await failure({ file });
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.details.problems).toEqual([expect.stringContaining(problem)]);
    expect(error.details.problems?.[0]?.startsWith(problem)).toBe(true);
    expect(error.message).toContain(path.join(folder, 'tenants.config.json'));
  });

  it.each<[Given, string]>([
    [{ flags: { lockTimeout: 'abc' } }, `--lock-timeout: ${duration}`],
    [{ flags: { maxProcesses: 'two' } }, `--max-processes: ${several}`],
    [{ flags: { database: 's3cret' } }, '--database: expected a PostgreSQL URL'],
    [{ env: { TENANTS_CHUNK_SIZE: '-1' } }, `TENANTS_CHUNK_SIZE: ${several}`],
    [{ env: { TENANTS_CHECK_ORDER: 'maybe' } }, 'TENANTS_CHECK_ORDER: expected true or false'],
    [{ env: { TENANTS_SHARED_SCHEMA: 'x'.repeat(64) } }, `TENANTS_SHARED_SCHEMA: ${name}`],
    [{ env: { DATABASE_URL: 'mysql://u:s3cret@h/d' } }, 'DATABASE_URL: expected a PostgreSQL URL'],
    [{ env: { TENANTS_DATABASE: 's3cret' } }, 'TENANTS_DATABASE: expected a PostgreSQL URL'],
    [{ env: { PGDATABASE: 'd', PGPORT: 'x' } }, 'environment: PGPORT: the port must be'],
  ])('names the flag or the variable: %j', async (given, problem) => {
    const error = await failure(given);
    expect(error.exitCode).toBe(2);
    expect(error.code).toBe(given.flags === undefined ? 'CONFIG_INVALID' : 'USAGE');
    expect(error.details.problems).toEqual([expect.stringContaining(problem)]);
    expect(JSON.stringify([error.message, error.details, error.suggestions])).not.toContain('s3cret');
  });

  it('reports everything at once', async () => {
    const error = await failure({
      file: {
        canary: '1.5',
        tenants: { types: { shop: 1, blog: 2 } },
        nonsense: 1,
        database: 'postgres://u:s3cret@h:x/d',
      },
      env: { TENANTS_RETRIES: 'many' },
      flags: { lockWait: 'soon' },
    });
    expect(error.details.problems?.map((problem) => problem.split(':')[0]).sort()).toEqual(
      [
        '--lock-wait',
        'TENANTS_RETRIES',
        'canary',
        'database',
        'nonsense',
        'tenants.types.blog',
        'tenants.types.shop',
      ].sort(),
    );
    expect(error.message).toContain('7 settings');
    expect(JSON.stringify([error.message, error.details])).not.toContain('s3cret');
  });
});

describe('what the environment may not do', () => {
  it('confirm, write, fake or select: such variables change nothing', async () => {
    const names = ['CONFIRM', 'WRITE', 'FAKE', 'TO', 'COUNT', 'TENANT', 'SCHEMA', 'TYPE', 'EXCLUDE'];
    const env = Object.fromEntries(names.map((name) => [`TENANTS_${name}`, '1']));
    const { warnings, ...project } = await load({ env });
    const { warnings: none, ...plain } = await load({});
    expect(project).toEqual(plain);
    expect(none).toEqual([]);
    expect(warnings.every((warning) => warning.includes('is not a setting'))).toBe(true);
  });

  it('pass off a slip in silence', async () => {
    const { warnings } = await load({ env: { TENANTS_LOCK_TIMOUT: '1s', TENANTS_THEME: 'dark' } });
    expect(warnings).toEqual([
      'The environment variable TENANTS_LOCK_TIMOUT is not a setting. Did you mean "TENANTS_LOCK_TIMEOUT"?',
    ]);
  });
});

describe('the embedded database', () => {
  it('is refused in production, whoever asks for it', async () => {
    const production = { NODE_ENV: 'production' };
    expect((await failure({ file: { database: 'embedded' }, env: production })).code).toBe('EMBEDDED_REFUSED');
    expect((await failure({ env: production, flags: { database: 'embedded' } })).code).toBe('EMBEDDED_REFUSED');
    expect((await load({ file: { database: 'embedded' }, env: { NODE_ENV: 'test' } })).database).toBe('embedded');
    const other = await load({
      file: { database: 'embedded' },
      env: { ...production, DATABASE_URL: 'postgres://h/d' },
    });
    expect(other.database).toMatchObject({ database: 'd' });
  });

  it.each(['true', '1', 'woodpecker'])('is refused in CI=%s unless a flag or a variable asks for it', async (CI) => {
    const file = { database: 'embedded' };
    const error = await failure({ file, env: { CI, DATABSE_URL: 'postgres://u:secret@h/d' } });
    expect(error).toMatchObject({ code: 'EMBEDDED_REFUSED', exitCode: 2 });
    expect(error.message).toContain('DATABASE_URL is not set. Did you mean "DATABSE_URL"?');
    expect(error.suggestions.join(' ')).toContain('--database embedded');
    expect(JSON.stringify(error)).not.toContain('secret');
    expect((await load({ file, env: { CI }, flags: { database: 'embedded' } })).database).toBe('embedded');
    expect((await load({ file, env: { CI, TENANTS_DATABASE: 'embedded' } })).database).toBe('embedded');
    expect((await load({ file, env: { CI, DATABASE_URL: 'postgres://h/d' } })).database).toMatchObject({ host: 'h' });
  });

  it.each(['', '0', 'false'])('is allowed where CI is %j, which means that it is not set', async (CI) => {
    expect((await load({ file: { database: 'embedded' }, env: { CI } })).database).toBe('embedded');
  });
});

describe('why the environment names no database', () => {
  it.each([
    [{}, 'DATABASE_URL is not set.'],
    [{ DATABASE_URL: '' }, 'DATABASE_URL is empty.'],
    [{ DATABASE_URI: 'postgres://u@h/d' }, 'DATABASE_URL is not set. Did you mean "DATABASE_URI"?'],
    [{ DATABASE_URI: 'mysql://u@h/d', OTHER: 'postgres://u@h/d' }, 'DATABASE_URL is not set.'],
    [{ TENANTS_DATABASE: 'embedded' }, undefined],
  ])('is remembered of %j', async (env, reason) => {
    expect((await load({ env })).databaseVariable).toBe(reason);
  });

  it('is named when the configuration passes an empty DATABASE_URL on', async () => {
    const error = await failure({ file: { database: '' }, env: { DATABASE_URL: '' } });
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(error.details.problems).toContain('DATABASE_URL: is set, but empty');
  });
});
