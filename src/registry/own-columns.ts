import type { Client } from 'pg';

import { qualified, quoteIdentifier } from '../db/identifiers.js';
import type { RegistryShape } from './names.js';

/**
 * The values of the columns of a tenant's row that its owner has added, as text, for a copy of the tenant. Left out are the columns
 * that we write, those that the server fills (generated, identity), and those of a unique index, which a second row cannot have.
 */
export async function readOwnColumns(
  client: Client,
  shape: RegistryShape,
  schema: string,
): Promise<Record<string, string | null>> {
  const { table, columns } = shape.tenants;
  const { rows } = await client.query<{ name: string }>(
    `SELECT a.attname::text AS name
       FROM pg_attribute a
      WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
        AND a.attname <> ALL ($2::text[])
        AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY (i.indkey))
      ORDER BY a.attnum`,
    [qualified(shape.schema, table), Object.values(columns).filter((column) => column !== null)],
  );
  if (rows.length === 0) return {};
  const values = rows.map(({ name }) => `${quoteIdentifier(name)}::text`).join(', ');
  const found = await client.query<(string | null)[]>({
    text: `SELECT ${values} FROM ${qualified(shape.schema, table)} WHERE ${quoteIdentifier(columns.schemaName)}::text = $1`,
    values: [schema],
    rowMode: 'array',
  });
  return Object.fromEntries(rows.map(({ name }, index) => [name, found.rows[0]?.[index] ?? null]));
}
