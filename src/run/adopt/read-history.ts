import type { Client } from 'pg';

import { qualified, quoteIdentifier } from '../../db/identifiers.js';
import type { FormatName, MigrationFile } from '../../engine/types.js';
import { HISTORY_TOOLS } from './tools.js';
import type { HistoryRow, HistoryTool, Match } from './types.js';

/** The table of another tool in a schema. */
export type HistoryTable = { schema: string; tool: HistoryTool };

/** The tables of other tools that can say something about files of a format, by their schema. Reads the catalog alone. */
export async function findHistoryTables(
  client: Client,
  schemas: readonly string[],
  format: FormatName,
): Promise<Map<string, HistoryTable>> {
  const tools = HISTORY_TOOLS.filter(({ formats }) => formats.includes(format));
  // Ordinary tables only: a view of that name would run the code of whoever made it.
  const { rows } = await client.query<{ schema: string; table: string; columns: string[] }>(
    `SELECT n.nspname::text AS schema, c.relname::text AS "table", array_agg(a.attname::text) AS columns
       FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind = 'r' AND n.nspname::text = ANY ($1::text[]) AND c.relname::text = ANY ($2::text[])
      GROUP BY 1, 2`,
    [[...schemas], tools.map(({ table }) => table)],
  );
  const found = new Map<string, HistoryTable>();
  for (const tool of tools) {
    for (const { schema, table, columns } of rows) {
      const isIts = table === tool.table && tool.columns.every((column) => columns.includes(column));
      if (isIts && !found.has(schema)) found.set(schema, { schema, tool });
    }
  }
  return found;
}

/**
 * What a table says about the files. The columns are read as they are: a cast to text could run code of the table's owner.
 *
 * @throws the server's error.
 */
export async function readHistory(
  client: Client,
  { schema, tool }: HistoryTable,
  files: readonly MigrationFile[],
): Promise<Match> {
  const columns = tool.columns.map((column) => quoteIdentifier(column)).join(', ');
  const { rows } = await client.query<HistoryRow>(`SELECT ${columns} FROM ${qualified(schema, tool.table)}`);
  return await tool.match(rows, files);
}
