import { beforeAll, describe, expect, it } from 'vitest';

import { analyzeSql } from '../../src/engine/sql/analyze-sql.js';
import { loadSqlParser } from '../../src/engine/sql/parse/parser.js';

const only = (sql: string) => {
  const { statements } = analyzeSql(sql, { migration: 'm', file: 'm.sql' });
  expect(statements).toHaveLength(1);
  return statements[0];
};

beforeAll(loadSqlParser);

describe('traces in the session', () => {
  it.each([
    'SET work_mem = 1',
    "SET TIME ZONE 'UTC'",
    'RESET work_mem',
    'RESET ALL',
    'SET ROLE x',
    'RESET ROLE',
    'SET SESSION AUTHORIZATION x',
    "SELECT set_config('a.b', '', false)",
    "SELECT pg_catalog.set_config('search_path', '', false)",
    "SELECT 1 WHERE set_config('a.b', '', current_setting('x')::bool) = ''",
    'CREATE TEMP TABLE a (b int)',
    'CREATE TABLE pg_temp.a (b int)',
    'CREATE TEMP VIEW v AS SELECT 1',
    'CREATE TEMP SEQUENCE s',
    'SELECT 1 AS x INTO TEMP a',
    'CREATE TEMP TABLE a AS SELECT 1',
    'CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS $$SELECT 1$$',
    'CREATE TYPE pg_temp.t AS ENUM ()',
    'LISTEN x',
    'UNLISTEN *',
    'PREPARE p AS SELECT 1',
    'DEALLOCATE p',
    'DECLARE c CURSOR WITH HOLD FOR SELECT 1',
    "LOAD 'x'",
    'DISCARD TEMP',
    'SELECT pg_advisory_lock(1)',
    'SELECT pg_try_advisory_lock_shared(1)',
    'DO $$ BEGIN END $$',
    'CALL p()',
  ])('are left by %s', (sql) => {
    expect(only(sql)?.session).toBe(true);
  });

  it.each([
    'SET LOCAL work_mem = 1',
    "SELECT set_config('a.b', '', true)",
    "SELECT set_config('a.b', '', 'on'::bool)",
    'CREATE TABLE a (b int)',
    'CREATE TEMP TABLE a (b int) ON COMMIT DROP',
    'CREATE VIEW v AS SELECT 1',
    'DECLARE c CURSOR FOR SELECT 1',
    'SELECT pg_advisory_xact_lock(1)',
    'SELECT pg_try_advisory_xact_lock(1)',
    'NOTIFY x',
    'SET CONSTRAINTS ALL DEFERRED',
    'ALTER ROLE r SET work_mem = 1',
    'INSERT INTO t VALUES (1)',
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = x AS $$SELECT 1$$',
  ])('are not left by %s', (sql) => {
    expect(only(sql)?.session).toBeUndefined();
  });
});

describe('rows that may be written', () => {
  it.each([
    'INSERT INTO t VALUES (1)',
    'UPDATE t SET a = 1',
    'DELETE FROM t',
    'MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE',
    'WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x',
    'SELECT fill()',
    'SELECT * FROM fill()',
    'SELECT 1 FROM a WHERE b = lower(c)',
    'DO $$ BEGIN END $$',
    'CALL p()',
    'EXECUTE p',
    "COPY t FROM '/x'",
    'COPY (SELECT fill()) TO PROGRAM $$x$$',
    'EXPLAIN ANALYZE DELETE FROM t',
    'CREATE TABLE a AS SELECT fill()',
  ])('by %s', (sql) => {
    expect(only(sql)?.writes).toBe(true);
  });

  it.each([
    'SELECT 1',
    'SELECT a + b FROM t',
    'CREATE TABLE a (b timestamptz DEFAULT now())',
    'CREATE VIEW v AS SELECT fill()',
    'CREATE RULE r AS ON INSERT TO t DO ALSO DELETE FROM s',
    'TRUNCATE t',
    'REFRESH MATERIALIZED VIEW m',
    'EXPLAIN DELETE FROM t',
    'EXPLAIN (ANALYZE off) DELETE FROM t',
    "COPY t TO '/x'",
    'PREPARE p AS DELETE FROM t',
    'CREATE FUNCTION f() RETURNS void BEGIN ATOMIC DELETE FROM t; END',
  ])('but not by %s', (sql) => {
    expect(only(sql)?.writes).toBeUndefined();
  });
});

describe('indexes built or dropped concurrently', () => {
  it.each([
    ['CREATE INDEX CONCURRENTLY i ON t(a)', { createsIndex: { name: 'i', table: 't' } }],
    ['CREATE UNIQUE INDEX CONCURRENTLY ON "T"(a)', { createsIndex: { name: null, table: 'T' } }],
    ['DROP INDEX CONCURRENTLY IF EXISTS i', { dropsIndexes: ['i'] }],
    ['CREATE INDEX CONCURRENTLY i ON other.t(a)', {}],
    ['DROP INDEX CONCURRENTLY other.i', {}],
    ['CREATE INDEX i ON t(a)', {}],
    ['DROP INDEX i', {}],
  ])('%s', (sql, marks) => {
    expect(only(sql)).toEqual({ sql, ...marks });
  });
});
