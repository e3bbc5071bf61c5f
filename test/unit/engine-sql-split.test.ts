import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { analyzeSql } from '../../src/engine/sql/analyze-sql.js';
import { lexicalPieces } from '../../src/engine/sql/parse/lexer.js';
import { loadSqlParser } from '../../src/engine/sql/parse/parser.js';
import { splitSql } from '../../src/engine/sql/parse/split.js';

const context = { migration: '001_start', file: '001_start.sql', firstLine: 1 };

beforeAll(loadSqlParser);

describe('splitting a text', () => {
  const cases: [name: string, sql: string, expected: [sql: string, line: number][]][] = [
    ['nothing at all', '', []],
    ['only comments and semicolons', ';; -- x;\n/* ; /* ; */ */ ;', []],
    ['a statement without its semicolon', ' select 1 ; ', [['select 1', 1]]],
    [
      'characters of two and four bytes before it',
      "select 'é🐘';\nselect '🐘';select 2",
      [
        ["select 'é🐘'", 1],
        ["select '🐘'", 2],
        ['select 2', 2],
      ],
    ],
    ['comments before it, with multi-byte characters', '-- é🐘\n/* é\n; */\n  select 1;\n-- end', [['select 1', 4]]],
    ['comments inside it', 'select -- ;\n 1;', [['select -- ;\n 1', 1]]],
    ['a hint comment', '/*+ SeqScan(t) */ select 1', [['/*+ SeqScan(t) */ select 1', 1]]],
    [
      'empty statements between',
      'select 1;;\n;select 2',
      [
        ['select 1', 1],
        ['select 2', 2],
      ],
    ],
    [
      'dollar quotes',
      "do $x$ begin ; $$ ; $$ end $x$;\nselect 'a;b'",
      [
        ['do $x$ begin ; $$ ; $$ end $x$', 1],
        ["select 'a;b'", 2],
      ],
    ],
    [
      'a function with BEGIN ATOMIC',
      'create function f() returns int begin atomic select 1; select 2; end;\nselect 3',
      [
        ['create function f() returns int begin atomic select 1; select 2; end', 1],
        ['select 3', 2],
      ],
    ],
    [
      'Windows line ends',
      'select 1;\r\n\r\nselect 2;\r\n',
      [
        ['select 1', 1],
        ['select 2', 3],
      ],
    ],
    [
      'a byte order mark',
      '\uFEFFselect 1;\nselect 2',
      [
        ['select 1', 1],
        ['select 2', 2],
      ],
    ],
  ];
  it.each(cases)('handles %s', (_, sql, expected) => {
    const { statements, warnings, refusals } = analyzeSql(sql, context);
    expect(statements.map((statement) => [statement.sql, statement.line])).toEqual(expected);
    expect([warnings, refusals]).toEqual([[], []]);
  });

  it('counts lines from where the text begins in its file, and gives none for text made by JavaScript', () => {
    expect(analyzeSql('\nselect 1', { ...context, firstLine: 10 }).statements[0]?.line).toBe(11);
    expect(analyzeSql('\nselect 1', { migration: 'm', file: 'm.ts' }).statements).toEqual([{ sql: 'select 1' }]);
  });

  it('takes a megabyte of inserts apart in reasonable time', () => {
    const rows = Array.from(
      { length: 12_000 },
      (_, i) => `INSERT INTO items (id, note) VALUES (${i}, 'some; note é${i}');`,
    );
    const begin = performance.now();
    const { statements } = analyzeSql(rows.join('\n'), context);
    expect(statements).toHaveLength(12_000);
    expect(statements[11_999]).toEqual({ sql: rows[11_999]?.slice(0, -1), line: 12_000, writes: true });
    expect(performance.now() - begin).toBeLessThan(15_000);
  });
});

describe('text that does not parse', () => {
  it('stays whole, counts as everything bad, and warns with the line of the mistake', () => {
    const analysis = analyzeSql("select 'é🐘';\nselekt 1;", context);
    expect(analysis.statements).toEqual([
      { sql: "select 'é🐘';\nselekt 1;", unparsed: true, session: true, writes: true, line: 1 },
    ]);
    expect(analysis.warnings).toEqual([
      expect.stringMatching(/^001_start\.sql:2: syntax error at or near "selekt"\. The text is sent/),
    ]);
    expect(analysis.dynamic).toBe(true);
  });

  it('is sent without its byte order mark, which the server would take for part of a word', () => {
    const sql = "CREATE TABLE lb (v text DEFAULT 'a' -- c\n 'b')";
    const analysis = analyzeSql(`\uFEFF${sql}`, context);
    expect(analysis.statements).toMatchObject([{ sql, unparsed: true, line: 1 }]);
    expect(analysis.warnings).toEqual(analyzeSql(sql, context).warnings);
  });

  it('survives trees that overflow the stack: the broken parser is set aside and replaced', async () => {
    const deep = `select 1${'+1'.repeat(40_000)}`;
    for (let round = 0; round < 4; round += 1) {
      expect(analyzeSql(deep, context).statements[0]?.unparsed).toBe(true);
    }
    expect(analyzeSql('select 1', context).statements[0]?.unparsed).toBe(true);
    await loadSqlParser();
    expect(analyzeSql('select 1', context).statements).toEqual([{ sql: 'select 1', line: 1 }]);
  });
});

describe('properties of splitting', () => {
  const statement = fc
    .constantFrom(
      "insert into t values ('é;🐘', $$;$$)",
      'create table "T;é" (id int)',
      'do $é$ begin perform 1; end $é$',
      'select 1 /* ; */ + 2 -- ;\n',
      "select e'\\';', U&'\\0061', $1$2",
      'create function f() returns int begin atomic select 1; end',
      'drop table if exists a, "b;"',
      '/*+ hint; */ select 3',
    )
    .filter((sql) => splitSql(sql).ok);
  const between = fc.constantFrom(';', ' ; ', ';;\n', ';\n-- é;🐘\n', '; /* ; /* 🐘 */ */ ', ';\r\n\t');

  it('loses nothing, and every statement alone parses to the same kind of tree', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(statement, between), { maxLength: 12 }), (parts) => {
        const split = splitSql(parts.flat().join(''), 1);
        if (!split.ok) throw new Error(split.message);
        expect(split.statements.map(({ sql }) => sql)).toEqual(parts.map(([sql]) => sql.trim()));
        for (const { sql, node } of split.statements) {
          const again = splitSql(sql);
          if (!again.ok) throw new Error(again.message);
          expect(again.statements.map((one) => [one.sql, Object.keys(one.node)])).toEqual([[sql, Object.keys(node)]]);
        }
        const rejoined = splitSql(split.statements.map(({ sql }) => sql).join('\n;\n'));
        expect(rejoined.ok && rejoined.statements.length).toBe(split.statements.length);
      }),
    );
  });

  it('agrees with the splitting without a grammar, except in the bodies of BEGIN ATOMIC', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(statement, between), { maxLength: 12 }), (parts) => {
        const kept = parts.filter(([sql]) => !sql.includes('atomic'));
        const pieces = lexicalPieces(kept.flat().join(''));
        expect(pieces.map(({ text }) => text)).toEqual(kept.map(([sql]) => sql.trim()));
      }),
    );
  });

  it('never throws, whatever the text is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(analyzeSql(text, context)).toHaveProperty('statements');
      }),
    );
  });
});
