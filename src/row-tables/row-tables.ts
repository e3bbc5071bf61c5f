import type { Client } from 'pg';

import { qualified, quoteIdentifier } from '../db/identifiers.js';
import type { RegistryShape } from '../registry/names.js';
import { requireRows } from './row-scope.js';

/** A table that tenants share: it has the column that says whose a row is. */
export type RowTable = { oid: number; schema: string; name: string };

/** One table, or several that refer to each other. Where it is circular, their rows have to go in one statement. */
export type TableGroup = { tables: readonly RowTable[]; circular: boolean };

type Reference = { from: number; to: number };

/**
 * The tables of row-level tenants, those that refer to others before the others. The registry's own tables and partitions are not
 * among them.
 */
export async function readRowTables(client: Client, shape: RegistryShape): Promise<TableGroup[]> {
  const { schema, column } = requireRows(shape);
  const { rows: tables } = await client.query<RowTable>(
    `SELECT c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = $2::text AND NOT a.attisdropped
      WHERE n.nspname = $1::text AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND NOT (n.nspname = $3::text AND c.relname = ANY ($4::text[]))
      ORDER BY c.relname`,
    [schema, column, shape.schema, [shape.tenants.table, ...(shape.domains === null ? [] : [shape.domains.table])]],
  );
  const oids = tables.map(({ oid }) => oid);
  const { rows: references } = await client.query<Reference>(
    `SELECT DISTINCT conrelid::int8::float8 AS "from", confrelid::int8::float8 AS "to" FROM pg_catalog.pg_constraint
      WHERE contype = 'f' AND conrelid = ANY ($1::oid[]) AND confrelid = ANY ($1::oid[])`,
    [oids],
  );
  return inOrder(tables, references);
}

/** Groups of tables, so that no group is referred to by a later one. Pure. */
export function inOrder(tables: readonly RowTable[], references: readonly Reference[]): TableGroup[] {
  const reached = new Map(tables.map(({ oid }) => [oid, reachable(oid, references)]));
  const reaches = (from: number, to: number): boolean => reached.get(from)?.has(to) === true;
  const groups: { tables: RowTable[]; circular: boolean; depth: number }[] = [];
  const placed = new Set<number>();
  for (const { oid } of tables) {
    if (placed.has(oid)) continue;
    const group = tables.filter((one) => one.oid === oid || (reaches(oid, one.oid) && reaches(one.oid, oid)));
    for (const one of group) placed.add(one.oid);
    // A group that refers to another reaches all that the other one does, and itself besides.
    const depth = new Set([oid, ...(reached.get(oid) ?? [])]).size;
    groups.push({ tables: group, circular: reaches(oid, oid), depth });
  }
  return groups.sort((a, b) => b.depth - a.depth).map(({ tables: group, circular }) => ({ tables: group, circular }));
}

function reachable(from: number, references: readonly Reference[]): Set<number> {
  const found = new Set<number>();
  const left = [from];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    for (const { from: one, to } of references) {
      if (one !== at || found.has(to)) continue;
      found.add(to);
      left.push(to);
    }
  }
  return found;
}

/** How many rows of a tenant each table has, in a transaction that `enterRows` has opened. */
export async function countRows(
  client: Client,
  shape: RegistryShape,
  tables: readonly RowTable[],
  key: string,
): Promise<{ table: RowTable; rows: number }[]> {
  if (tables.length === 0) return [];
  const column = quoteIdentifier(requireRows(shape).column);
  const counts = tables.map(
    ({ schema, name }, index) =>
      `SELECT ${index} AS i, count(*)::float8 AS rows FROM ${qualified(schema, name)} WHERE ${column} = $1`,
  );
  const { rows } = await client.query<{ i: number; rows: number }>(counts.join(' UNION ALL '), [key]);
  const byIndex = new Map(rows.map(({ i, rows: count }) => [i, count]));
  return tables.map((table, index) => ({ table, rows: byIndex.get(index) ?? 0 }));
}
