import { parse } from 'pg-connection-string';
import { describe, expect, it } from 'vitest';

import { searchPathOption, tenantEnvironment } from '../../src/each-tenant/exec/environment.js';
import type { ProgramEnvironment } from '../../src/each-tenant/exec/types.js';

const CONNECTION = {
  PGHOST: 'db.example.com',
  PGPORT: '5433',
  PGUSER: 'da:ve',
  PGPASSWORD: 'p@ss/w?rd %',
  PGDATABASE: 'app',
};

function environment(
  surrounding: ProgramEnvironment = {},
  connection: Record<string, string> = {},
): Record<string, string> {
  const schemas = { tenant: 'acme', sharedSchema: 'public', extraSearchPath: ['ext'] };
  return tenantEnvironment(surrounding, { ...CONNECTION, ...connection }, schemas);
}

describe('the search path as an option', () => {
  it.each([
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
  it('leads to the same database by URL and by variables', () => {
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

  it('lets no other server in', () => {
    const foreign = { PGSERVICE: 'other', PGHOSTADDR: '10.0.0.1', PGSSLROOTCERT: '/other.pem', PGSSLMODE: 'disable' };
    const made = environment({ ...foreign, PGHOST: 'other', HOME: '/home/me' });
    expect(made).toMatchObject({ PGHOST: 'db.example.com', HOME: '/home/me' });
    for (const name of Object.keys(foreign)) expect(made).not.toHaveProperty(name);
  });

  it('keeps options, and the search path comes last so that it holds', () => {
    const path = '-c search_path="acme","public","ext"';
    expect(environment({ PGOPTIONS: '-c geqo=off' })['PGOPTIONS']).toBe(`-c geqo=off ${path}`);
    const both = environment({}, { PGOPTIONS: '-c jit=off' });
    expect(both['PGOPTIONS']).toBe(`-c jit=off ${path}`);
    expect(parse(both['DATABASE_URL'] ?? '')['options']).toBe(`-c jit=off ${path}`);
  });

  it('reaches a socket and an address', () => {
    expect(parse(environment({}, { PGHOST: '/var/run/postgresql' })['DATABASE_URL'] ?? '').host).toBe(
      '/var/run/postgresql',
    );
    expect(parse(environment({}, { PGHOST: '::1' })['DATABASE_URL'] ?? '').host).toBe('::1');
  });

  it('says the same about TLS in the URL and in the variables', () => {
    const tls = { PGSSLMODE: 'verify-ca', PGSSLROOTCERT: '/a b/ca.pem' };
    const made = environment({ PGSSLMODE: 'disable' }, tls);
    expect(made).toMatchObject(tls);
    const { searchParams } = new URL(made['DATABASE_URL'] ?? '');
    expect([searchParams.get('sslmode'), searchParams.get('sslrootcert')]).toEqual(['verify-ca', '/a b/ca.pem']);
  });
});
