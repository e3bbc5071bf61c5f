import type { Client } from 'pg';

import { qualified, quoteIdentifier, quoteLiteral } from '../../../db/identifiers.js';

/** The rows of one table, each value as text, in the order in which they lie in the table. */
export type TableRows = {
  /** Without its schema. */
  table: string;
  columns: { name: string; hasDefault: boolean }[];
  rows: (string | null)[][];
};

/** Where a sequence stands that was used. */
export type SequenceValue = { sequence: string; value: string };

/** More rows than this are data, not a part of what a migration makes. */
export const MOST_ROWS = 20_000;

/**
 * Reads the rows of all tables of a schema except one, in a transaction that is open. Generated columns are left out.
 *
 * @returns undefined where there are more rows than a file should hold
 */
export async function readRows(client: Client, schema: string, except: string): Promise<TableRows[] | undefined> {
  const { rows: tables } = await client.query<{ table: string; columns: TableRows['columns'] }>(
    `SELECT c.relname AS table, coalesce((SELECT json_agg(json_build_object('name', a.attname, 'hasDefault', a.atthasdef OR a.attidentity <> '') ORDER BY a.attnum)
       FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''), '[]') AS columns
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname <> $2 ORDER BY 1`,
    [schema, except],
  );
  const found: TableRows[] = [];
  let left = MOST_ROWS;
  for (const { table, columns } of tables) {
    const values = columns.map(({ name }) => `${quoteIdentifier(name)}::pg_catalog.text`).join(', ');
    const { rows } = await client.query<(string | null)[]>({
      text: `SELECT ${values} FROM ONLY ${qualified(schema, table)} ORDER BY ctid LIMIT ${left + 1}`,
      rowMode: 'array',
    });
    left -= rows.length;
    if (left < 0) return undefined;
    if (rows.length > 0) found.push({ table, columns, rows });
  }
  return found;
}

/** Reads where the sequences stand that were used. */
export async function readSequences(client: Client, schema: string): Promise<SequenceValue[]> {
  const { rows } = await client.query<{ sequence: string; value: string }>(
    `SELECT pg_catalog.quote_ident(sequencename) AS sequence, last_value::text AS value FROM pg_catalog.pg_sequences
      WHERE schemaname = $1 AND last_value IS NOT NULL ORDER BY 1`,
    [schema],
  );
  return rows;
}

/**
 * The statement that inserts rows as they are. Pure.
 *
 * @param defaults columns whose value is the default's
 */
export function insertRows({ table, columns, rows }: TableRows, defaults: ReadonlySet<string>): string {
  if (columns.length === 0) return rows.map(() => `INSERT INTO ${quoteIdentifier(table)} DEFAULT VALUES;`).join('\n');
  const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const lines = rows.map((row) => {
    const values = row.map((value, index) => {
      if (defaults.has(columns[index]?.name ?? '')) return 'DEFAULT';
      return value === null ? 'NULL' : quoteLiteral(value).trim();
    });
    return `  (${values.join(', ')})`;
  });
  return `INSERT INTO ${quoteIdentifier(table)} (${names}) OVERRIDING SYSTEM VALUE VALUES\n${lines.join(',\n')};`;
}

/** The statement that brings a sequence to where it stands. Pure. */
export function setSequence({ sequence, value }: SequenceValue): string {
  return `SELECT pg_catalog.setval(${quoteLiteral(sequence)}, ${value});`;
}

/** The columns of each table in which two readings of the same rows differ; `undefined` where the rows are others. Pure. */
export function changingColumns(
  one: readonly TableRows[],
  other: readonly TableRows[],
): Map<string, Set<string>> | { table: string } {
  const changing = new Map<string, Set<string>>();
  const others = new Map(other.map((rows) => [rows.table, rows]));
  for (const { table } of other) {
    if (!one.some((rows) => rows.table === table)) return { table };
  }
  for (const { table, columns, rows } of one) {
    const found = others.get(table);
    if (found?.rows.length !== rows.length) return { table };
    const names = columns.filter((_column, index) => rows.some((row, at) => row[index] !== found.rows[at]?.[index]));
    if (names.length > 0) changing.set(table, new Set(names.map(({ name }) => name)));
  }
  return changing;
}
