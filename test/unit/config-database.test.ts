import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { ClientConfig } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { describeDatabase, parseDatabase, requireDatabase } from '../../src/config/database/database.js';
import { toClientConfig } from '../../src/db/database-config.js';
import { isTenantsError } from '../../src/errors/tenants-error.js';

const ENV = { USER: 'os-user', HOME: '/nonexistent' };
let folder: string;
let root: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tenants database '));
  root = path.join(folder, 'root.crt');
  await writeFile(root, 'ROOT');
});
afterAll(() => rm(folder, { recursive: true }));

describe('parseDatabase', () => {
  it.each<[string, string, ClientConfig]>([
    ['a full URL', 'postgres://a:b@h:6543/d', { user: 'a', password: 'b', host: 'h', port: 6543, database: 'd' }],
    ['the other scheme', 'postgresql://a@h/d', { user: 'a', host: 'h', port: 5432, database: 'd' }],
    ['an empty URL', 'postgres://', { user: 'os-user', host: 'localhost', port: 5432, database: 'os-user' }],
    ['escapes', 'postgres://a%40b:p%2F%23%25@h/d', { user: 'a@b', password: 'p/#%', host: 'h', database: 'd' }],
    ['IPv6', 'postgres://a@[::1]:6543/d', { host: '::1', port: 6543, database: 'd' }],
    ['a socket as parameter', 'postgres:///d?host=/run/pg&user=a', { host: '/run/pg', user: 'a', database: 'd' }],
    ['a socket as host', 'postgres://a@%2Frun%2Fpg/d', { host: '/run/pg', database: 'd', ssl: false }],
    ['spaces around', ' postgres://a@h/d\n', { host: 'h', database: 'd' }],
    [
      "libpq's parameters",
      'postgres://h/d?application_name=x&connect_timeout=7&options=-c%20a%3Db&keepalives=0',
      { application_name: 'x', connectionTimeoutMillis: 7000, options: '-c a=b', keepAlive: false },
    ],
    ['spaces beside escapes', 'postgres://a:p w%2Fx@h/d', { password: 'p w/x', host: 'h', database: 'd' }],
    ["other tools' parameters", 'postgres://h/d?schema=x&pgbouncer=true', { host: 'h', database: 'd' }],
  ])('reads %s', (_, url, expected) => {
    expect(parseDatabase(url, ENV)).toMatchObject(expected);
  });

  it('keeps nothing of a URL that node-postgres would not know', () => {
    const parsed = parseDatabase('postgres://a@h/d?schema=x&pgbouncer=true', ENV);
    expect(parsed).toEqual({ user: 'a', host: 'h', port: 5432, database: 'd' });
  });

  it('completes from the environment what the URL leaves out, and nothing else', () => {
    const env = {
      ...ENV,
      PGHOST: 'eh',
      PGPORT: '7000',
      PGUSER: 'eu',
      PGPASSWORD: 'ep',
      PGDATABASE: 'ed',
      PGAPPNAME: 'ea',
      PGCONNECT_TIMEOUT: '3',
      PGSSLMODE: 'require',
      PGOPTIONS: '-c x=y',
    };
    expect(parseDatabase('postgres://', env)).toEqual({
      host: 'eh',
      port: 7000,
      user: 'eu',
      password: 'ep',
      database: 'ed',
      application_name: 'ea',
      connectionTimeoutMillis: 3000,
      options: '-c x=y',
      ssl: { rejectUnauthorized: false },
      sslmode: 'require',
    });
    expect(
      parseDatabase('postgres://u:p@h:1/d?application_name=a&connect_timeout=9&sslmode=disable&options=o', env),
    ).toEqual({
      host: 'h',
      port: 1,
      user: 'u',
      password: 'p',
      database: 'd',
      application_name: 'a',
      connectionTimeoutMillis: 9000,
      options: 'o',
      ssl: false,
      sslmode: 'disable',
    });
  });

  it('takes a node-postgres object, whose connectionString comes first', () => {
    const password = async () => 'later';
    expect(parseDatabase({ host: 'h', password, ssl: true, user: 'u' }, ENV)).toEqual({
      host: 'h',
      port: 5432,
      user: 'u',
      database: 'u',
      password,
      ssl: true,
    });
    expect(parseDatabase({ connectionString: 'postgres://a@h/d', user: 'b', keepAlive: true }, ENV)).toMatchObject({
      user: 'a',
      database: 'd',
      keepAlive: true,
    });
  });

  it('reads the password file for the completed connection, after the URL and PGPASSWORD', async () => {
    const file = path.join(folder, 'pgpass');
    await writeFile(file, 'h:5432:d:os-user:from-file\n', { mode: 0o600 });
    const env = { ...ENV, PGPASSFILE: file };
    expect(parseDatabase('postgres://h/d', env).password).toBe('from-file');
    expect(parseDatabase(`postgres://h/d?passfile=${encodeURIComponent(file)}`, ENV).password).toBe('from-file');
    expect(parseDatabase('postgres://h/other', env).password).toBeUndefined();
    expect(parseDatabase('postgres://h/d', { ...env, PGPASSWORD: 'p' }).password).toBe('p');
    expect(parseDatabase('postgres://os-user:url@h/d', env).password).toBe('url');
  });

  it.each<[string, unknown]>([
    ['', undefined],
    ['sslmode=disable', false],
    ['sslmode=allow', false],
    ['sslmode=prefer', { rejectUnauthorized: false }],
    ['sslmode=require', { rejectUnauthorized: false }],
    ['sslmode=no-verify', { rejectUnauthorized: false }],
    ['sslmode=verify-full', {}],
    ['sslrootcert=system', {}],
    ['ssl=true', true],
    ['ssl=0', false],
    ['ssl=no-verify', { rejectUnauthorized: false }],
    ['sslnegotiation=direct', true],
  ])('reads the TLS settings %j', (query, ssl) => {
    expect(parseDatabase(`postgres://h/d?${query}`, ENV).ssl).toEqual(ssl);
  });

  it.each(['require', 'verify-ca'])(
    'checks the certificate but not the host name for sslmode=%s with a root',
    (mode) => {
      const parsed = parseDatabase(`postgres://h/d?sslmode=${mode}&sslrootcert=${encodeURIComponent(root)}`, ENV);
      expect(parsed).toMatchObject({ sslmode: 'verify-ca', ssl: { ca: 'ROOT' } });
      const { ssl } = toClientConfig(parsed);
      expect(ssl).toEqual({ ca: 'ROOT', checkServerIdentity: expect.any(Function) });
    },
  );

  it('completes TLS settings one by one, and lets an explicit ssl=false stand against PGSSLMODE', () => {
    const env = { ...ENV, PGSSLMODE: 'verify-full', PGSSLROOTCERT: root };
    expect(parseDatabase('postgres://h/d', env).ssl).toEqual({ ca: 'ROOT' });
    expect(parseDatabase('postgres://h/d?sslmode=require', env).ssl).toMatchObject({ ca: 'ROOT' });
    expect(parseDatabase('postgres://h/d?ssl=false', { ...ENV, PGSSLMODE: 'require' }).ssl).toBe(false);
    expect(parseDatabase({ host: 'h', ssl: false }, env).ssl).toBe(false);
    expect(parseDatabase('postgres:///d?host=/run', env).ssl).toBe(false);
  });

  it.each<[string, string, Record<string, string>]>([
    ['s3cret', 'expected a PostgreSQL URL', {}],
    ['mysql://u:s3cret@h/d', 'expected a PostgreSQL URL', {}],
    ['host=h password=s3cret', 'expected a PostgreSQL URL', {}],
    ['postgres://u:s3cret%zz@h/d', 'percent-encoded', {}],
    ['postgres://u:s3cret%FF@h/d', 'percent-encoded', {}],
    ['postgres://u:s3cret#x@h/d', 'percent-encoded', {}],
    ['postgres://u:s3cret@h:99999/d', 'percent-encoded', {}],
    ['postgres://u:p@s3cret/w#rd@h/d', 'percent-encoded', {}],
    ['postgres://u:p@s3cret/w@h/d', 'percent-encoded', {}],
    ['postgres://s3cret:1/w@h/d', 'percent-encoded', {}],
    ['postgres://s3cret:1?w@h/d', 'percent-encoded', {}],
    ['postgres://u:s3cret@h1,h:x/d', 'cannot be read', {}],
    ['postgres://u:s3cret@h1,h:99999/d', 'the port must be', {}],
    ['postgres://u:s3cret@/d?host=a,b,c&port=1,2', '3 hosts and 2 ports', {}],
    ['postgres://u:s3cret@h/d?target_session_attrs=writable', 'target_session_attrs must be', {}],
    ['postgres://u:s3cret@h/d?port=x', 'the port must be', {}],
    ['postgres://u:s3cret@h/d?sslmode=verify_full', 'sslmode must be', {}],
    ['postgres://u:s3cret@h/d?sslmode=verify-ca', 'needs sslrootcert', {}],
    ['postgres://u:s3cret@h/d?sslmode=require&sslrootcert=system', 'verify-full', {}],
    ['postgres://u:s3cret@h/d?sslmode=require&sslrootcert=/nonexistent', '/nonexistent', {}],
    ['postgres://u:s3cret@h/d?ssl=maybe', 'ssl must be', {}],
    ['postgres://u:s3cret@h/d?connect_timeout=5s', 'connect_timeout', {}],
    ['postgres://u:s3cret@h/d', 'PGPORT: the port must be', { PGPORT: 'x' }],
  ])('refuses %s without repeating it', (value, reason, env) => {
    const error = caught(() => parseDatabase(value, { ...ENV, ...env }, { source: 'DATABASE_URL' }));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.details.problems).toEqual([expect.stringContaining(reason)]);
    expect(error.details.problems?.[0]).toMatch(/^DATABASE_URL: /);
    expect(JSON.stringify([error.message, error.details, error.suggestions, error.cause])).not.toContain('s3cret');
  });
});

describe('a setting that leaves the server open', () => {
  const addresses = (url: string, env: Record<string, string> = {}) => {
    const { choices } = parseDatabase(url, { ...ENV, ...env });
    return [choices?.attributes, choices?.candidates.map(({ host, port, ssl }) => [host, port, ssl])];
  };

  it.each<[string, Record<string, string>, unknown]>([
    ['postgres://h/d', {}, [undefined, undefined]],
    ['postgres://h/d?target_session_attrs=any', {}, [undefined, undefined]],
    [
      'postgres://u:p@a:1,b,[::1]:3/d',
      {},
      [
        'any',
        [
          ['a', 1],
          ['b', 5432],
          ['::1', 3],
        ],
      ],
    ],
    [
      'postgres://a,b/d?target_session_attrs=read-write',
      { PGPORT: '7' },
      [
        'read-write',
        [
          ['a', 7],
          ['b', 7],
        ],
      ],
    ],
    [
      'postgres:///d?host=a,b&port=1,2',
      {},
      [
        'any',
        [
          ['a', 1],
          ['b', 2],
        ],
      ],
    ],
    [
      'postgres:///d',
      { PGHOST: 'a,b', PGPORT: '1,2' },
      [
        'any',
        [
          ['a', 1],
          ['b', 2],
        ],
      ],
    ],
    [
      'postgres:///d',
      { PGHOST: 'a,b', PGPORT: '6' },
      [
        'any',
        [
          ['a', 6],
          ['b', 6],
        ],
      ],
    ],
    ['postgres://h:9/d', { PGTARGETSESSIONATTRS: 'primary' }, ['primary', [['h', 9]]]],
  ])('%s with %j', (url, env, expected) => {
    const [attributes, candidates] = expected as [string?, unknown[][]?];
    expect(addresses(url, env)).toEqual([attributes, candidates?.map((address) => [...address, undefined])]);
  });

  it('tries prefer with TLS first and allow without it first, as libpq does, and a socket once', () => {
    const encrypted = { rejectUnauthorized: false };
    expect(addresses('postgres://h/d?sslmode=prefer')[1]).toEqual([
      ['h', 5432, encrypted],
      ['h', 5432, false],
    ]);
    expect(addresses('postgres://h/d?sslmode=allow')[1]).toEqual([
      ['h', 5432, false],
      ['h', 5432, encrypted],
    ]);
    expect(addresses('postgres:///d?sslmode=prefer&host=/run/pg')[1]).toBeUndefined();
    expect(addresses('postgres://a,b/d?sslmode=prefer')[1]).toHaveLength(4);
  });

  it('completes each host with its own password of the password file', async () => {
    const file = path.join(folder, 'pgpass-of-two');
    await writeFile(file, 'a:*:*:*:of-a\nb:*:*:*:of-b\n', { mode: 0o600 });
    const { choices } = parseDatabase('postgres://a,b/d', { ...ENV, PGPASSFILE: file });
    expect(choices?.candidates.map(({ password }) => password)).toEqual(['of-a', 'of-b']);
  });
});

describe('the result in node-postgres', () => {
  it('says everything, so that its own reading of the environment changes nothing', () => {
    const config = parseDatabase('postgres://u:p@h:1/d', ENV);
    const code = `import pg from 'pg'; const c = new pg.Client(${JSON.stringify(config)});
      console.log([c.host, c.port, c.user, c.database, c.password].join());`;
    const env = { ...process.env, PGHOST: 'x', PGPORT: '9', PGUSER: 'x', PGDATABASE: 'x', PGPASSWORD: 'x' };
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], { env, encoding: 'utf8' });
    expect(output.trim()).toBe('h,1,u,d,p');
  });
});

describe('describeDatabase', () => {
  it.each<[string, string]>([
    ['postgres://alice:s3cret@db:6543/app', 'db:6543/app as alice'],
    ['postgres://alice:s3cret@[::1]/app', '[::1]:5432/app as alice'],
    ['postgres://alice:s3cret@%2Frun%2Fpg/app', '/run/pg:5432/app as alice'],
  ])('shows %s as %s', (url, shown) => {
    expect(describeDatabase(parseDatabase(url, ENV))).toBe(shown);
  });

  it('names the embedded one', () => {
    expect(describeDatabase('embedded')).toBe('the embedded database');
  });
});

describe('requireDatabase', () => {
  it('passes on what there is, and names both ways out when there is none', () => {
    expect(requireDatabase({ database: 'embedded' })).toBe('embedded');
    const error = caught(() => requireDatabase({ database: undefined }));
    expect(error.code).toBe('NO_DATABASE');
    expect(error.exitCode).toBe(2);
    expect(error.suggestions.join()).toMatch(/DATABASE_URL.*--database .*--database embedded/s);
  });
});

function caught(action: () => unknown) {
  try {
    action();
  } catch (error) {
    if (isTenantsError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
