import { describe, expect, it } from 'vitest';

import { noteSettings, type SessionSettings } from '../../src/runtime/session-settings.js';

function of(query: unknown, values?: unknown): string[] {
  const settings: SessionSettings = { names: new Set(), unknown: false };
  noteSettings(settings, query, values);
  return [...settings.names, ...(settings.unknown ? ['?'] : [])];
}

describe('noteSettings', () => {
  it.each<[string, unknown, unknown, string[]]>([
    ['a call for the session', `SELECT set_config('app.tenant', 't0', false)`, undefined, ['app.tenant']],
    ['one for the transaction', `SELECT set_config('app.tenant', 't0', true)`, undefined, []],
    ['parameters', 'SELECT set_config($1, $2, $3)', ['App.Tenant', 't0', false], ['app.tenant']],
    [
      'parameters of a configuration',
      { text: 'SELECT set_config($1, $2, $3)', values: ['a.b', 'c', true] },
      undefined,
      [],
    ],
    ['casts', `SELECT pg_catalog.set_config('a.b'::text, $1::text, 'f'::bool)`, ['x'], ['a.b']],
    ['brackets and quotes in a value', `SELECT set_config('a.b', concat('(,', x, ')'), false), 1`, undefined, ['a.b']],
    ['several', `SELECT set_config('a.b', '1', true), set_config('c.d', '2', false)`, undefined, ['c.d']],
    ['a name that is put together', `SELECT set_config('a.' || x, '1', false)`, undefined, ['?']],
    ['a scope that is not known', `SELECT set_config('a.b', '1', is_local) FROM t`, undefined, ['a.b']],
    ['SET behind another statement', 'SELECT 1; SET app.tenant TO 1', undefined, ['app.tenant']],
    ['SET SESSION', 'SELECT 1; /* x */ -- y\n set session "app"."x" = 1', undefined, ['app.x']],
    ['SET LOCAL', 'SELECT 1; SET LOCAL work_mem = 1; SET CONSTRAINTS ALL DEFERRED', undefined, []],
    [
      'SET TIME ZONE and SET NAMES',
      `SELECT 1; SET TIME ZONE 'UTC'; SET NAMES 'LATIN1'`,
      undefined,
      ['timezone', 'client_encoding'],
    ],
    ['all of it', 'SELECT 1; SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', undefined, ['?']],
    ['SET in a block', 'DO $$ BEGIN SET statement_timeout = 1; END $$', undefined, ['statement_timeout']],
    ['SET in a string in a block', `DO $$ BEGIN EXECUTE 'SET a.b = 1'; END $$`, undefined, ['?']],
    ['the SET of an UPDATE', 'UPDATE t SET a = 1; WITH x AS (UPDATE t SET a = 2 RETURNING 1) SELECT 1', undefined, []],
    ['nothing', 'SELECT reset, offset_set FROM settings', undefined, []],
    ['no text', { name: 'prepared' }, ['set_config'], []],
  ])('finds %s', (_, query, values, expected) => {
    expect(of(query, values)).toEqual(expected);
  });
});
