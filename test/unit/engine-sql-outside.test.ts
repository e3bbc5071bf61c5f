import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import * as fc from 'fast-check';
import type { Node } from 'libpg-query';
import { beforeAll, describe, expect, it } from 'vitest';

import { quoteIdentifier } from '../../src/db/identifiers.js';
import { analyzeSql } from '../../src/engine/sql/analyze-sql.js';
import { PLACES } from '../../src/engine/sql/names/changed-objects.js';
import { loadSqlParser } from '../../src/engine/sql/parse/parser.js';
import { splitSql } from '../../src/engine/sql/parse/split.js';
import { changesOutside } from '../../src/engine/sql/rules/changes-outside.js';
import { STATEMENT_PLACES, type StatementType } from '../../src/engine/sql/rules/statement-places.js';
import { STATEMENTS } from '../fixtures/statements.js';
import { anySchema } from '../support/arbitrary-names.js';

const context = { migration: '002_more', file: '002_more.sql', firstLine: 1 };
const outside = (sql: string) => analyzeSql(sql, context).changesOutside;

beforeAll(loadSqlParser);

describe('the list of statement types', () => {
  const types = readFileSync(
    createRequire(import.meta.url)
      .resolve('@pgsql/types')
      .replace(/index\.js$/, 'types.d.ts'),
  );

  it('holds every type of statement that the grammar knows', () => {
    const known = [...String(types).matchAll(/^ {4}(\w+Stmt): \1;$/gm)].map(([, name]) => name);
    expect(known.length).toBeGreaterThan(100);
    expect(Object.keys(STATEMENT_PLACES).toSorted()).toEqual([...new Set(known)].toSorted());
  });

  it('gives a reason, in a sentence, wherever a type is always allowed or never', () => {
    for (const place of [...Object.values(STATEMENT_PLACES), ...Object.values(PLACES)]) {
      if (typeof place === 'string' || 'changes' in place) continue;
      expect(Object.values(place)).toEqual([expect.stringMatching(/^[A-Z].*\.$/)]);
    }
  });

  it('lets no statement through that it does not know', () => {
    const unknown: object = { FutureStmt: {} };
    expect(changesOutside(unknown as Node)).toHaveLength(1);
  });
});

describe.each(Object.entries(STATEMENTS))('%s', (type, { qualified = [], allowed = [], refused = [] }) => {
  const place = STATEMENT_PLACES[type as StatementType];
  const all = [
    ...qualified.flatMap((sql) => [sql.replaceAll('%', ''), sql.replaceAll('%', 'x.')]),
    ...allowed,
    ...refused,
  ];

  it('has examples, which are of this type, unless it only stands in other statements', () => {
    const part = 'anywhere' in place && place.anywhere.startsWith('Only ever');
    expect(all.length > 0).toBe(!part);
    if ('changes' in place) expect(qualified.length + refused.length).toBeGreaterThan(0);
    if ('never' in place) expect([qualified, allowed]).toEqual([[], []]);
    for (const sql of all) {
      expect(splitSql(sql)).toMatchObject({
        ok: true,
        statements: [{ node: { [type]: expect.anything() as unknown } }],
      });
    }
  });

  it.each(qualified)('is refused with the schema of another session, and allowed without: %s', (sql) => {
    for (const schema of ['public', 'beta', 'pg_catalog', '"Sch ema"']) {
      expect(outside(sql.replaceAll('%', `${schema}.`))).toMatchObject([
        { schema: schema.replaceAll('"', ''), line: 1 },
      ]);
    }
    expect(outside(sql.replaceAll('%', ''))).toEqual([]);
  });

  it.each(allowed)('is allowed: %s', (sql) => {
    expect(outside(sql)).toEqual([]);
  });

  it.each(refused)('is refused: %s', (sql) => {
    expect(outside(sql)).not.toEqual([]);
  });
});

describe('properties of statements that name a schema', () => {
  const templates = Object.values(STATEMENTS).flatMap(({ qualified = [] }) => qualified);
  const template = fc.constantFrom(...templates);

  it('refuses each of them whatever the schema is called, wherever in a text it stands, and says on which line', () => {
    fc.assert(
      fc.property(template, anySchema, fc.nat(3), (sql, schema, before) => {
        fc.pre(schema !== 'pg_temp' && !sql.includes('$$'));
        const text = `${'SELECT 1;\n'.repeat(before)}${sql.replaceAll('%', () => `${quoteIdentifier(schema)}.`)};\nSELECT 2`;
        expect(outside(text)).toMatchObject([{ schema, line: before + 1 }]);
        // The same where the rest of the text does not parse.
        expect(outside(`${text}; selekt 3`)).toMatchObject([{ schema, line: before + 1 }]);
      }),
    );
  });

  it('refuses none of them without a schema', () => {
    fc.assert(
      fc.property(fc.array(template, { maxLength: 5 }), (all) => {
        const text = all.map((sql) => sql.replaceAll('%', '')).join(';\n');
        expect(outside(text)).toEqual([]);
        expect(outside(`${text}; selekt 3`)).toEqual([]);
      }),
    );
  });
});
