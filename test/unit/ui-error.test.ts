import { describe, expect, it } from 'vitest';

import { TenantsError } from '../../src/errors/tenants-error.js';
import { formatError, toErrorJson } from '../../src/ui/error/format-error.js';

const plain = { color: false };

function serverError(): Error {
  return Object.assign(new Error('relation "users" does not exist'), {
    severity: 'ERROR',
    code: '42P01',
    hint: 'Perhaps you meant "user".',
    file: 'parse_relation.c',
    routine: 'parserOpenTable',
    client: { connectionParameters: { password: 's3cret' } },
  });
}

describe('an error for people', () => {
  it('says what happened, where, what the server said and what to do next', () => {
    const error = new TenantsError('MIGRATION_FAILED', 'acme could not be migrated.', {
      tenant: 'acme',
      migration: '0042_add_index',
      file: 'migrations/0042_add_index.sql',
      line: 3,
      sqlstate: '23505',
      statement: 'CREATE UNIQUE INDEX a\n  ON users\n  (email)\n  WHERE true',
      detail: 'Key (email)=(x) is duplicated.',
      suggestions: ['Remove the doubles.', 'Then run tenants migrate.'],
    });
    expect(formatError(error, plain)).toBe(
      [
        'Error: acme could not be migrated.',
        '  Tenant: acme',
        '  Migration: 0042_add_index',
        '  File: migrations/0042_add_index.sql:3',
        '  SQLSTATE: 23505',
        '  Detail: Key (email)=(x) is duplicated.',
        '  Statement:',
        '    CREATE UNIQUE INDEX a',
        '      ON users',
        '      (email)',
        '    …',
        'Try: Remove the doubles.',
        'Try: Then run tenants migrate.',
      ].join('\n'),
    );
  });

  it('lists all problems of a configuration', () => {
    const error = new TenantsError('CONFIG_INVALID', 'Two mistakes:', {
      problems: ['canary: not a number', 'x: unknown'],
    });
    expect(formatError(error, plain)).toBe('Error: Two mistakes:\n  - canary: not a number\n  - x: unknown');
  });

  it('shows nothing of a foreign error but its message and the server fields of the allow-list', () => {
    expect(formatError(serverError(), plain)).toBe(
      'Error: relation "users" does not exist\n  SQLSTATE: 42P01\n  Hint: Perhaps you meant "user".',
    );
    const odd = Object.assign(new Error('odd'), { config: { password: 's3cret' }, tenant: 'not ours' });
    expect(formatError(odd, plain)).toBe('Error: odd');
    expect(formatError('just a string', plain)).toBe('Error: just a string');
  });

  it('names a cause only if it adds something', () => {
    const root = new Error('connect ECONNREFUSED 127.0.0.1:5432');
    const middle = new Error('cannot connect', { cause: root });
    const error = new TenantsError('DATABASE_UNREACHABLE', 'The database refused: cannot connect.', { cause: middle });
    expect(formatError(error, plain)).toBe(
      'Error: The database refused: cannot connect.\n  Caused by: connect ECONNREFUSED 127.0.0.1:5432',
    );
  });

  it('says something for an AggregateError, which has no message of its own', () => {
    const inner = [new Error('connect ECONNREFUSED ::1:5432'), new Error('connect ECONNREFUSED 127.0.0.1:5432')];
    const error = Object.assign(new AggregateError(inner), { code: 'ECONNREFUSED' });
    const message = 'connect ECONNREFUSED ::1:5432; connect ECONNREFUSED 127.0.0.1:5432';
    expect(formatError(error, plain)).toBe(`Error: ${message}`);
    expect(toErrorJson(error).error).toMatchObject({ code: 'ECONNREFUSED', message });
  });

  it('shows the stack in verbose mode only', () => {
    const error = new TenantsError('UNEXPECTED', 'Broken.');
    expect(formatError(error, plain)).not.toContain('at ');
    expect(formatError(error, { color: false, verbose: true })).toMatch(/^Error: Broken\.\nCode: UNEXPECTED\n\s+at /);
  });

  it('lets no terminal escape and no password through, color or not', () => {
    const error = new TenantsError('MIGRATION_FAILED', 'evil \u001B]0;owned\u0007\u001B[2J postgres://u:s3cret@h/d', {
      tenant: 'a\u001B[31m',
      statement: "ALTER ROLE x PASSWORD 's3cret'\u001B[2J",
      problems: ['password=s3cret\u0008'],
      suggestions: ['psql postgres://u:s3cret@h/d'],
      cause: new Error('password=s3cret again \u009B2J'),
    });
    const text = formatError(error, { color: false, verbose: true });
    expect(text).not.toMatch(/s3cret|owned/);
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/);
    const colored = formatError(error, { color: true });
    // oxlint-disable-next-line no-control-regex
    expect(colored.replace(/\u001B\[(?:1|2|22|3[1-6]|39)m/g, '')).not.toMatch(/\u001B/);
  });
});

describe('an error as JSON', () => {
  it('has suggestions always, no stack, and no password', () => {
    const error = new TenantsError('NO_DATABASE', 'No database in postgres://u:s3cret@h/d', { cause: serverError() });
    const document = toErrorJson(error);
    expect(document.error).toMatchObject({ code: 'NO_DATABASE', suggestions: [], cause: { sqlstate: '42P01' } });
    expect(JSON.stringify(document)).not.toMatch(/s3cret|"stack"|parse_relation/);
  });

  it('keeps suggestions', () => {
    const error = new TenantsError('NO_DATABASE', 'None.', { suggestions: ['Set DATABASE_URL.'] });
    expect(toErrorJson(error).error.suggestions).toEqual(['Set DATABASE_URL.']);
    expect(toErrorJson(null).error).toEqual({ name: 'Error', code: 'UNEXPECTED', message: 'null', suggestions: [] });
  });
});
