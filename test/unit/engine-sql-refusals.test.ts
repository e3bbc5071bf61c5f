import { beforeAll, describe, expect, it } from 'vitest';

import { analyzeSql } from '../../src/engine/sql/analyze-sql.js';
import { loadSqlParser } from '../../src/engine/sql/parse/parser.js';
import { assertDirectSql } from '../../src/engine/sql/rules/direct-sql.js';
import { formatRefusals } from '../../src/engine/sql/rules/format-refusals.js';
import { isTenantsError } from '../../src/errors/tenants-error.js';

const context = { migration: '002_more', file: 'migrations/002_more.sql', firstLine: 1 };
const refused = (sql: string) => analyzeSql(sql, context).refusals.map(({ kind, line }) => [kind, line]);

beforeAll(loadSqlParser);

describe('refused statements', () => {
  it.each([
    'BEGIN',
    'START TRANSACTION READ ONLY',
    'COMMIT',
    'COMMIT AND CHAIN',
    'END',
    'ROLLBACK',
    'ROLLBACK AND CHAIN',
    'ABORT',
    "PREPARE TRANSACTION 'x'",
    "COMMIT PREPARED 'x'",
    "ROLLBACK PREPARED 'x'",
  ])('refuses %s', (statement) => {
    expect(refused(`select 1;\n${statement};\nselect 2`)).toEqual([['transactionControl', 2]]);
    // The same in a text that the grammar does not accept.
    expect(refused(`selekt 1;\n  ${statement} ;\nselect 2`)).toEqual([['transactionControl', 2]]);
  });

  it.each([
    ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'transactionMode'],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', 'transactionMode'],
    ["SET TRANSACTION SNAPSHOT 'x'", 'transactionMode'],
    ['SET LOCAL transaction_read_only = on', 'transactionMode'],
    ['COPY t FROM STDIN', 'copyStdio'],
    ['COPY (select 1) TO STDOUT WITH CSV', 'copyStdio'],
    ['\\connect other', 'psqlCommand'],
    ['\\restrict abc', 'psqlCommand'],
  ])('refuses %s', (statement, kind) => {
    expect(refused(`select 'é🐘';\n${statement}\n;`)).toEqual([[kind, 2]]);
  });

  it.each([
    'SAVEPOINT a; select 1; ROLLBACK TO a; RELEASE a',
    "COPY t FROM '/srv/rows.csv'",
    "COPY t FROM PROGRAM 'cat rows'",
    'SET LOCAL lock_timeout = 5',
    'SET CONSTRAINTS ALL DEFERRED',
    'DO $$ BEGIN COMMIT; END $$',
    'CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$',
    'CALL p()',
    'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END',
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; selekt 'COMMIT;'",
    'selekt 1; SAVEPOINT a; ROLLBACK TO a; ROLLBACK WORK TO SAVEPOINT a; SET LOCAL x = 1; endless; begins',
    "select 'a\n\\connect'",
    'selekt 1; /* x\n\\d; */',
    'selekt 1; -- it is\n/* a /* nested */\n\\q\n*/',
    'selekt $$\n\\q\n$$',
    'selekt $x$ $$\n\\d\n$x$',
    "selekt 'a\n\\d', E'\\'\n\\d', \"b\n\\d\"",
  ])('lets %s through', (sql) => {
    expect(refused(sql)).toEqual([]);
  });

  it('finds what to refuse in a dump, and not what stands in its rows', () => {
    const dump = "\\restrict x\nCOPY t (a) FROM stdin;\nit's\n\\N\nCOMMIT;\n\\.\n\nSELECT 1;\n\\unrestrict x\n";
    expect(refused(dump)).toEqual([
      ['psqlCommand', 1],
      ['copyStdio', 2],
      ['psqlCommand', 9],
    ]);
  });

  it('finds commands of psql after quotes and comments, each to the end of its line', () => {
    const sql = "selekt 'it''s' /* ' */;\n  \\echo it's ; COMMIT;\n\\d\r\nselekt $$ ' $$;\n\\q";
    expect(refused(sql)).toEqual([
      ['psqlCommand', 2],
      ['psqlCommand', 3],
      ['psqlCommand', 5],
    ]);
  });

  it('refuses a NUL character, after which nothing would be read', () => {
    expect(refused('select 1;\n\0 commit')).toEqual([['nulCharacter', 2]]);
    expect(analyzeSql('select 1;\0', context).statements).toEqual([]);
  });
});

describe('BEGIN and COMMIT around a whole text', () => {
  it.each(['BEGIN; select 1; COMMIT', '-- x\nSTART TRANSACTION;\nselect 1;\nEND;\n-- y\n'])(
    'are dropped with a warning: %s',
    (sql) => {
      const { statements, refusals, warnings, droppedTransaction } = analyzeSql(sql, context);
      expect(statements.map((statement) => statement.sql)).toEqual(['select 1']);
      expect([refusals, warnings.length, droppedTransaction]).toEqual([[], 1, true]);
    },
  );

  it.each([
    ['BEGIN; select 1; COMMIT; select 2', 2],
    ['select 0; BEGIN; select 1; COMMIT', 2],
    ['BEGIN; select 1; COMMIT; BEGIN; select 2; COMMIT', 4],
    ['BEGIN; select 1; ROLLBACK', 2],
    ['BEGIN; select 1; COMMIT AND CHAIN', 2],
    ['BEGIN', 1],
  ])('are refused when there is more: %s', (sql, count) => {
    expect(refused(sql)).toHaveLength(count);
  });
});

describe('what the caller decides', () => {
  it('lists extensions', () => {
    expect(
      analyzeSql('create extension a;\ncreate extension if not exists "uuid-ossp" schema x', context).extensions,
    ).toEqual([
      { name: 'a', ifNotExists: false, line: 1 },
      { name: 'uuid-ossp', ifNotExists: true, line: 2 },
    ]);
  });

  it.each([
    ['create index concurrently on t(a)', 'CREATE INDEX CONCURRENTLY'],
    ['drop index concurrently i', 'DROP INDEX CONCURRENTLY'],
    ['reindex index concurrently i', 'REINDEX CONCURRENTLY'],
    ['reindex (concurrently on, verbose) table t', 'REINDEX CONCURRENTLY'],
    ['reindex schema s', 'REINDEX SCHEMA'],
    ['vacuum full t', 'VACUUM'],
    ['cluster', 'CLUSTER'],
    ['create database d', 'CREATE DATABASE'],
    ['drop database d', 'DROP DATABASE'],
    ["create tablespace s location '/x'", 'CREATE TABLESPACE'],
    ['drop tablespace s', 'DROP TABLESPACE'],
    ['alter system set work_mem = 1', 'ALTER SYSTEM'],
    ['alter database d set tablespace s', 'ALTER DATABASE SET TABLESPACE'],
    ['alter table t detach partition p concurrently', 'DETACH PARTITION CONCURRENTLY'],
    ["create subscription s connection '' publication p", 'CREATE SUBSCRIPTION with a replication slot'],
    ['discard all', 'DISCARD ALL'],
  ])('knows that %s needs no transaction', (sql, what) => {
    expect(analyzeSql(`\n${sql}`, context).outsideTransaction).toEqual([{ statement: sql, what, line: 2 }]);
  });

  it.each([
    'create index on t(a)',
    'drop index i',
    'reindex table t',
    'reindex (concurrently off) table t',
    'analyze t',
    'cluster t',
    'alter table t detach partition p',
    "alter type t add value 'x'",
    'discard temp',
    'alter database d set work_mem = 1',
    "create subscription s connection '' publication p with (connect = false)",
  ])('knows that %s runs in a transaction', (sql) => {
    expect(analyzeSql(sql, context).outsideTransaction).toEqual([]);
  });
});

describe('the error for refusals', () => {
  it('counts statements and migrations, and says where each is', () => {
    const first = analyzeSql('commit;\nselect 1;\ncopy t from stdin', context).refusals;
    const second = analyzeSql('rollback', { migration: '003', file: '003.ts' }).refusals;
    const error = formatRefusals([...first, ...second]);
    expect(error).toMatchObject({ code: 'MIGRATION_REFUSED', exitCode: 2 });
    expect(error.message).toBe('3 statements in 2 migrations were refused; nothing was touched.');
    expect(error.details.problems).toEqual([
      expect.stringMatching(/^migrations\/002_more\.sql:1: Transaction control .*\(commit\)$/),
      expect.stringMatching(/^migrations\/002_more\.sql:3: COPY .*\(copy t from stdin\)$/),
      expect.stringMatching(/^003\.ts: Transaction control .*\(rollback\)$/),
    ]);
    expect(error.suggestions).toHaveLength(2);
    expect(error.details.file).toBeUndefined();
  });

  it('names the place of a single refusal and shortens a long statement', () => {
    const error = formatRefusals(analyzeSql(`copy (select\n  '${'🐘'.repeat(300)}') to stdout`, context).refusals);
    expect(error.message).toBe('1 statement in 1 migration was refused; nothing was touched.');
    expect(error.details).toMatchObject({ migration: '002_more', file: context.file, line: 1 });
    expect([...(error.details.statement ?? '')]).toHaveLength(100);
  });
});

describe('SQL of a migration in direct mode', () => {
  it('is returned in statements', () => {
    expect(assertDirectSql('select 1; set role x', { migration: 'm', file: 'm.ts' })).toEqual([
      { sql: 'select 1' },
      { sql: 'set role x', session: true },
    ]);
  });

  it('is refused when it ends the transaction', () => {
    try {
      assertDirectSql('select 1; commit', { migration: 'm', file: 'm.ts' });
      expect.unreachable();
    } catch (error) {
      expect(isTenantsError(error) && error.code).toBe('MIGRATION_REFUSED');
      expect((error as Error).message).not.toContain('nothing was touched');
    }
  });
});
