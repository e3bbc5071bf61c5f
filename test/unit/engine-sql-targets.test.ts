import { beforeAll, describe, expect, it } from 'vitest';

import { analyzeSql } from '../../src/engine/sql/analyze-sql.js';
import { loadSqlParser } from '../../src/engine/sql/parse/parser.js';

const short = ({ kind, name, optional }: { kind: string; name: string; optional?: true }) =>
  `${kind === 'relation' ? '' : `${kind} `}${name}${optional ? '?' : ''}`;
const targets = (sql: string) => analyzeSql(sql, { migration: 'm', file: 'm.sql' }).targets.map(short);
const creates = (sql: string) => analyzeSql(sql, { migration: 'm', file: 'm.sql' }).creates.map(short);

beforeAll(loadSqlParser);

describe('unqualified targets', () => {
  const cases: [sql: string, expected: string[]][] = [
    ['ALTER TABLE t ADD COLUMN a int REFERENCES shared_one(id)', ['t']],
    ['ALTER TABLE IF EXISTS t DROP COLUMN a', ['t?']],
    ['ALTER TABLE t RENAME a TO b', ['t']],
    ['ALTER TABLE t RENAME TO u', ['t']],
    ['ALTER TABLE t RENAME CONSTRAINT a TO b', ['t']],
    ['ALTER TABLE t SET SCHEMA other', ['t']],
    ['ALTER TABLE t ATTACH PARTITION p DEFAULT', ['t', 'p']],
    ['ALTER VIEW v OWNER TO x', ['v']],
    ['ALTER MATERIALIZED VIEW v RENAME TO w', ['v']],
    ['ALTER SEQUENCE s RESTART', ['s?']],
    ['ALTER INDEX i RENAME TO j', ['i?']],
    ['ALTER TYPE ty ADD VALUE $$x$$', ['type ty']],
    ['ALTER TYPE ty ADD ATTRIBUTE a int', ['type ty']],
    ['ALTER TYPE ty RENAME ATTRIBUTE a TO b', ['type ty']],
    ['ALTER TYPE ty RENAME TO tz', ['type ty']],
    ['ALTER DOMAIN d DROP CONSTRAINT c', ['type d']],
    ['ALTER DOMAIN d RENAME CONSTRAINT c TO e', ['type d']],
    ['ALTER FUNCTION f(int) STRICT', ['function f']],
    ['ALTER PROCEDURE f() OWNER TO x', ['function f']],
    ['ALTER FUNCTION f(int) RENAME TO g', ['function f']],
    ['DROP TABLE a, "B" CASCADE', ['a', 'B']],
    ['DROP TABLE IF EXISTS a', ['a?']],
    ['DROP VIEW a', ['a']],
    ['DROP INDEX a', ['a?']],
    ['DROP TYPE a', ['type a']],
    ['DROP FUNCTION f(int), g', ['function f', 'function g']],
    ['DROP AGGREGATE a(int)', ['function a']],
    ['DROP TRIGGER a ON t', ['t']],
    ['DROP POLICY IF EXISTS a ON t', ['t?']],
    ['CREATE INDEX i ON t (a)', ['t']],
    ['CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION shared_function()', ['t']],
    ['CREATE POLICY p ON t', ['t']],
    ['ALTER POLICY p ON t RENAME TO q', ['t']],
    ['CREATE RULE r AS ON INSERT TO t DO NOTHING', ['t']],
    ['CREATE STATISTICS s ON a, b FROM t', ['t']],
    ['CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)', ['p']],
    ['COMMENT ON TABLE t IS $$x$$', ['t']],
    ['COMMENT ON COLUMN t.a IS $$x$$', ['t']],
    ['COMMENT ON CONSTRAINT c ON t IS $$x$$', ['t']],
    ['COMMENT ON CONSTRAINT c ON DOMAIN d IS $$x$$', ['type d']],
    ['COMMENT ON FUNCTION f(int) IS $$x$$', ['function f']],
    ['COMMENT ON TYPE ty IS $$x$$', ['type ty']],
    ['GRANT SELECT ON a, b TO x', ['a', 'b']],
    ['REVOKE ALL ON FUNCTION f(int) FROM PUBLIC', ['function f']],
    ['GRANT USAGE ON TYPE ty TO x', ['type ty']],
    ['TRUNCATE a, b', ['a', 'b']],
  ];
  it.each(cases)('%s', (sql, expected) => {
    expect(targets(sql)).toEqual(expected);
  });

  it.each([
    'ALTER TABLE other.t ADD COLUMN a int',
    'DROP TABLE other.t',
    'COMMENT ON COLUMN other.t.a IS $$x$$',
    'DROP TRIGGER a ON other.t',
    'ALTER TYPE other.t ADD VALUE $$x$$',
    'COMMENT ON TYPE int IS $$x$$',
    'INSERT INTO t VALUES (1)',
    'UPDATE t SET a = 1',
    'DELETE FROM t',
    "COPY t FROM '/x'",
    'SELECT * FROM t',
    'CREATE TABLE a (b int REFERENCES t, c some_type)',
    'CREATE TABLE a () INHERITS (t)',
    'CREATE OR REPLACE VIEW v AS SELECT 1',
    'CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$',
    'DROP SCHEMA s',
    'DROP EXTENSION e',
    'GRANT SELECT ON ALL TABLES IN SCHEMA s TO x',
    'GRANT USAGE ON SCHEMA s TO x',
    'GRANT a TO b',
  ])('are none in %s', (sql) => {
    expect(targets(sql)).toEqual([]);
  });
});

describe('names that the text creates', () => {
  it.each([
    ['CREATE TABLE t (a int); ALTER TABLE t ADD b int; DROP TABLE t', []],
    ['CREATE TABLE IF NOT EXISTS t (id serial PRIMARY KEY, a int UNIQUE)', ['t', 't_id_seq', 't_pkey', 't_a_key']],
    [
      'CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY, UNIQUE (a, b), b int, CONSTRAINT k UNIQUE (b))',
      ['t', 't_a_seq', 't_a_b_key', 'k'],
    ],
    ['ALTER TABLE t ADD id bigserial, ADD CONSTRAINT k PRIMARY KEY (id)', ['t_id_seq', 'k']],
    [
      'CREATE INDEX ON t (a); CREATE INDEX ON t (a); CREATE INDEX ON t (lower(b), (a + 1))',
      ['t_a_idx', 't_a_idx1', 't_lower_expr_idx'],
    ],
    ['CREATE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW m AS SELECT 1; CREATE SEQUENCE s', ['v', 'm', 's']],
    ['CREATE TABLE a AS SELECT 1; SELECT 1 AS x INTO b', ['a', 'b']],
    ['CREATE TYPE e AS ENUM (); CREATE TYPE c AS (a int); CREATE DOMAIN d AS int', ['type e', 'type c', 'c', 'type d']],
    [
      'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$; CREATE AGGREGATE g(int) (sfunc = f, stype = int)',
      ['function f', 'function g'],
    ],
    ['ALTER TABLE a RENAME TO b', ['b']],
    ['CREATE TABLE a (id serial); ALTER TABLE a RENAME TO b; DROP TABLE b', []],
    ['CREATE TABLE a (id int, CONSTRAINT k UNIQUE (id)); ALTER TABLE a RENAME CONSTRAINT k TO l', ['a', 'l']],
    ['CREATE UNIQUE INDEX i ON a (b); ALTER TABLE a ADD CONSTRAINT k UNIQUE USING INDEX i', ['k']],
    ['CREATE TABLE a (); ALTER TABLE a SET SCHEMA other', []],
    ['CREATE TABLE other.a (id serial); CREATE INDEX ON other.a (id)', []],
    ['CREATE TEMP TABLE a (id serial); CREATE INDEX ON a (id); CREATE TEMP VIEW v AS SELECT 1', []],
    ['CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS $$SELECT 1$$', []],
  ])('%s', (sql, expected) => {
    expect(creates(sql)).toEqual(expected);
  });

  it('are cut to 63 bytes as the server cuts them, between characters', () => {
    const table = 'é'.repeat(25);
    const column = 'x'.repeat(40);
    // Tried on PostgreSQL 18.
    expect(creates(`CREATE TABLE "${table}" ("${column}" serial)`)[1]).toBe(`${'é'.repeat(14)}_${'x'.repeat(29)}_seq`);
  });

  it.each([
    'CREATE TABLE t (id serial); ALTER SEQUENCE t_id_seq RESTART; DROP TABLE t',
    'CREATE TABLE t (LIKE s INCLUDING ALL); ALTER INDEX t_whatever_key RENAME TO k',
    'CREATE TEMP TABLE t (a int); ALTER TABLE t ADD b int; DROP TABLE t',
    'CREATE TYPE ty AS ENUM (); ALTER TYPE ty ADD VALUE $$x$$; DROP TYPE ty',
    "DO $$ BEGIN IF NOT EXISTS (SELECT 1) THEN CREATE TYPE ty AS ENUM ('a;b'); END IF; END $$; ALTER TYPE ty ADD VALUE $$c$$",
    "DO $$ BEGIN CREATE TYPE ty AS ENUM ('x'); EXCEPTION WHEN duplicate_object THEN NULL; END $$; COMMENT ON TYPE ty IS $$x$$",
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$; CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS $$SELECT 1$$; DROP FUNCTION f(); DROP FUNCTION f(int)',
    "SELECT set_config('search_path', '', false); ALTER TABLE t ADD a int",
    'SET search_path = public; DROP TABLE t',
  ])('are no targets: %s', (sql) => {
    expect(targets(sql)).toEqual([]);
  });

  it('are targets again once they are gone', () => {
    expect(targets('CREATE TABLE t (); DROP TABLE t; ALTER TABLE t ADD a int')).toEqual(['t']);
    expect(targets('CREATE TABLE t (); ALTER TABLE t RENAME TO u; ALTER TABLE t ADD a int')).toEqual(['t']);
    expect(targets('CREATE TABLE t (); DROP TRIGGER a ON t; ALTER TABLE t ADD a int')).toEqual([]);
  });

  it('may be anything after code that is not read, so targets need not exist', () => {
    for (const code of [
      "DO $$ BEGIN EXECUTE 'x'; END $$",
      'CALL p()',
      'SELECT make_tables()',
      'CREATE EXTENSION e',
      'DO LANGUAGE plperl $$x$$',
    ]) {
      expect(targets(`ALTER TABLE a ADD x int; ${code}; ALTER TABLE a ADD y int; ALTER TABLE b ADD x int`)).toEqual([
        'a',
        'b?',
      ]);
      expect(analyzeSql(code, { migration: 'm', file: 'm.sql' }).dynamic).toBe(true);
    }
    expect(analyzeSql("SELECT setval('s', 1)", { migration: 'm', file: 'm.sql' }).dynamic).toBe(false);
  });

  it('warns where the search path is left with statements still to come', () => {
    const { warnings } = analyzeSql('SELECT 1;\nSET search_path = x;\nSELECT 2', {
      migration: 'm',
      file: 'm.sql',
      firstLine: 1,
    });
    expect(warnings).toEqual([expect.stringMatching(/^m\.sql:2: the search path is changed/)]);
    expect(analyzeSql('SELECT 1; RESET search_path', { migration: 'm', file: 'm.sql' }).warnings).toEqual([]);
  });

  it('keeps the stricter of two wishes for one name', () => {
    expect(targets('ALTER TABLE IF EXISTS t ADD a int; ALTER TABLE t ADD b int')).toEqual(['t']);
    expect(targets('ALTER TABLE t ADD b int; DROP TABLE IF EXISTS t')).toEqual(['t']);
  });
});
