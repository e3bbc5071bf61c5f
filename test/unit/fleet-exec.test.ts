import { parse } from 'pg-connection-string';
import { describe, expect, test } from 'vitest';

import { searchPathOption, tenantEnvironment } from '../../src/each-tenant/exec/environment.js';
import { readLines } from '../../src/each-tenant/exec/lines.js';
import type { Environment } from '../../src/each-tenant/exec/types.js';

const DATABASE = { host: 'db.example.com', port: 5433, user: 'da:ve', password: 'p@ss/w?rd %', database: 'app' };

function environment(surrounding: Environment = {}, database: object = {}, tenant = 'acme'): Record<string, string> {
  const place = { tenant, sharedSchema: 'public', extraSearchPath: ['ext'], database: { ...DATABASE, ...database } };
  return tenantEnvironment(surrounding, place);
}

describe('the search path as an option', () => {
  test.each([
    ['acme', String.raw`-c search_path="acme","public"`],
    ['two words', String.raw`-c search_path="two\ words","public"`],
    ['a"b', String.raw`-c search_path="a""b","public"`],
    ['a\\b', String.raw`-c search_path="a\\b","public"`],
    ['tab\there', '-c search_path="tab\\\there","public"'],
    ['public', '-c search_path="public"'],
  ])('of %j', (tenant, expected) => {
    expect(searchPathOption({ tenant, sharedSchema: 'public', extraSearchPath: [] })).toBe(expected);
  });
});

describe('the environment of a program', () => {
  test('leads to the same database by URL and by variables', () => {
    const made = environment();
    expect(parse(made['DATABASE_URL'] ?? '')).toMatchObject({
      host: 'db.example.com',
      port: '5433',
      user: 'da:ve',
      password: 'p@ss/w?rd %',
      database: 'app',
      options: '-c search_path="acme","public","ext"',
    });
    expect(made).toMatchObject({
      TENANT_SCHEMA: 'acme',
      PGHOST: 'db.example.com',
      PGPORT: '5433',
      PGUSER: 'da:ve',
      PGPASSWORD: 'p@ss/w?rd %',
      PGDATABASE: 'app',
      PGOPTIONS: '-c search_path="acme","public","ext"',
    });
  });

  test('lets no other server in', () => {
    const made = environment({ PGHOST: 'other', PGSERVICE: 'other', PGHOSTADDR: '10.0.0.1', HOME: '/home/me' });
    expect(made).toMatchObject({ PGHOST: 'db.example.com', HOME: '/home/me' });
    expect(made).not.toHaveProperty('PGSERVICE');
    expect(made).not.toHaveProperty('PGHOSTADDR');
  });

  test('keeps options, and the search path comes last so that it holds', () => {
    const path = '-c search_path="acme","public","ext"';
    expect(environment({ PGOPTIONS: '-c geqo=off' })['PGOPTIONS']).toBe(`-c geqo=off ${path}`);
    const both = environment({}, { options: '-c jit=off' });
    expect(both['PGOPTIONS']).toBe(`-c jit=off ${path}`);
    expect(parse(both['DATABASE_URL'] ?? '')['options']).toBe(`-c jit=off ${path}`);
  });

  test('reaches a socket and an address', () => {
    expect(parse(environment({}, { host: '/var/run/postgresql' })['DATABASE_URL'] ?? '').host).toBe(
      '/var/run/postgresql',
    );
    expect(parse(environment({}, { host: '::1' })['DATABASE_URL'] ?? '').host).toBe('::1');
  });

  test.each([
    ['nothing', undefined, undefined],
    ['no TLS', false, 'disable'],
    ['TLS with a look at the certificate', true, 'verify-full'],
    ['TLS without one', { rejectUnauthorized: false }, 'require'],
    ['TLS with an authority', { ca: '…' }, 'verify-full'],
    ['TLS without a look at the host', { ca: '…', checkServerIdentity: () => undefined }, 'verify-ca'],
  ])('says %s', (_what, ssl, mode) => {
    const made = environment({}, { ssl });
    expect(made['PGSSLMODE']).toBe(mode);
    expect(new URL(made['DATABASE_URL'] ?? '').searchParams.get('sslmode')).toBe(mode ?? null);
  });

  test('repeats what the surrounding URL says about TLS, if it leads to the same database', () => {
    const parameters = '?sslmode=verify-ca&sslrootcert=%2Fca.pem';
    const same = environment({ DATABASE_URL: `postgres://x@db.example.com:5433/app${parameters}` }, { ssl: true });
    expect(same).toMatchObject({ PGSSLMODE: 'verify-ca', PGSSLROOTCERT: '/ca.pem' });
    const other = environment({ DATABASE_URL: `postgres://x@db.example.com/app${parameters}` }, { ssl: true });
    expect(other['PGSSLMODE']).toBe('verify-full');
  });
});

test('lines are whole, whatever pieces they come in', async () => {
  async function* pieces(): AsyncGenerator<string> {
    yield* ['a', 'b\nc\r', '\n\n', 'x'.repeat(70_000), '\nlast'];
  }
  const lines: string[] = [];
  for await (const some of readLines(pieces())) lines.push(...some);
  expect(lines).toEqual(['ab', 'c', '', 'x'.repeat(65_536), 'x'.repeat(70_000 - 65_536), 'last']);
});
