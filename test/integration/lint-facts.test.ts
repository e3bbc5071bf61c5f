import { describe, expect, it } from 'vitest';

import { isHarmlessChange, typeText, type ColumnType } from '../../src/lint/history/column-type.js';
import { lintTenant } from '../fixtures/lint.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase();

/** Whether a statement writes the table `t` anew: it then has another file. */
async function rewrites(columns: string, statement: string): Promise<boolean> {
  const file = `(SELECT pg_relation_filenode('t'))`;
  await database.query(
    `DROP TABLE IF EXISTS t; CREATE TABLE t (id bigint PRIMARY KEY, n int, ${columns}); INSERT INTO t (id, n) VALUES (1, 1);`,
  );
  const before = (await database.query(`SELECT ${file} AS file`)).rows[0]?.['file'];
  await database.query(statement);
  return (await database.query(`SELECT ${file} AS file`)).rows[0]?.['file'] !== before;
}

const type = (name: string, ...modifiers: number[]): ColumnType => ({ name, modifiers, array: false });
const TYPES = [
  type('varchar'),
  type('varchar', 10),
  type('varchar', 20),
  type('text'),
  type('numeric'),
  type('numeric', 10, 2),
  type('numeric', 12, 2),
  type('numeric', 12, 4),
  type('timestamptz'),
  type('timestamptz', 3),
  type('timestamp'),
  type('varbit', 4),
  type('varbit', 8),
  type('cidr'),
  type('inet'),
  type('int4'),
  type('int8'),
];
const PAIRS = TYPES.flatMap((from) => TYPES.filter((to) => to !== from).map((to) => [from, to] as const));

describe('the server', () => {
  it('rewrites no table for a change of type that counts as harmless', async () => {
    const harmless = PAIRS.filter(([from, to]) => isHarmlessChange(from, to));
    expect(harmless.length).toBeGreaterThan(12);
    for (const [from, to] of harmless) {
      const words = `${typeText(from)} to ${typeText(to)}`;
      const done = await rewrites(`c ${typeText(from)}`, `ALTER TABLE t ALTER c TYPE ${typeText(to)}`);
      expect({ words, rewrites: done }).toEqual({ words, rewrites: false });
    }
  });

  it.each([
    ['ALTER TABLE t ADD COLUMN c uuid DEFAULT gen_random_uuid()', true],
    ['ALTER TABLE t ADD COLUMN c timestamptz DEFAULT clock_timestamp()', true],
    ['ALTER TABLE t ADD COLUMN c bigserial', true],
    ['ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS IDENTITY', true],
    ['ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (n + 1) STORED', true],
    ['ALTER TABLE t ADD COLUMN c timestamptz DEFAULT now()', false],
    ['ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 0', false],
  ])('rewrites the table for %s: %s, and lint says the same', async (statement, expected) => {
    expect(await rewrites('d int', statement)).toBe(expected);
    const found = await lintTenant(statement);
    expect(found.some(({ work }) => work === 'rewrite')).toBe(expected);
  });

  it('checks no rows for a foreign key in a new column without a default', async () => {
    await database.query(`DROP TABLE IF EXISTS t; CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (1);`);
    await database.query('ALTER TABLE t ADD COLUMN c bigint REFERENCES t');
    await expect(database.query('ALTER TABLE t ADD COLUMN d bigint DEFAULT 7 REFERENCES t')).rejects.toMatchObject({
      code: '23503',
    });
  });
});
