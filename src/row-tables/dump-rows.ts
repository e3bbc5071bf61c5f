import { writeSync } from 'node:fs';
import { open, unlink } from 'node:fs/promises';

import type { Client } from 'pg';

import { copyOut } from '../db/copy-out.js';
import { qualified, quoteIdentifier, quoteLiteral } from '../db/identifiers.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { RegistryShape } from '../registry/names.js';
import { requireRows } from './row-scope.js';
import type { RowTable } from './row-tables.js';

/** A file that rows are written to. */
export type RowsFile = {
  /** Writes the registration and the rows of a tenant, as the client's transaction sees them, and has them on the disk. */
  write(client: Client, tenant: string, key: string, tables: readonly RowTable[]): Promise<void>;
  /** Removes it: what it was for did not happen. */
  remove(): Promise<void>;
};

/**
 * Opens a new file for the rows of a tenant, readable by its owner alone: a script for psql that puts them back.
 *
 * @throws TenantsError FILE_EXISTS for a file that is there already; USAGE for one that cannot be written.
 */
export async function withRowsFile<T>(
  shape: RegistryShape,
  path: string,
  use: (file: RowsFile) => Promise<T>,
): Promise<T> {
  const handle = await open(path, 'wx', 0o600).catch((error: unknown) => {
    throw unwritable(path, error);
  });
  try {
    return await use({
      write: async (client, tenant, key, tables) => {
        const write = (piece: Buffer | string): void => writeAll(handle.fd, Buffer.from(piece));
        write(heading(shape, tenant, key));
        for (const part of await partsOf(client, shape, key, tables)) {
          write(`COPY ${part.table} (${part.columns}) FROM stdin;\n`);
          await copyOut(
            client,
            `COPY (SELECT ${part.columns} FROM ${part.table} WHERE ${part.which}) TO stdout`,
            write,
          );
          write('\\.\n\n');
        }
        write('COMMIT;\n');
        await handle.sync();
      },
      remove: () => unlink(path),
    });
  } finally {
    await handle.close();
  }
}

function heading(shape: RegistryShape, tenant: string, key: string): string {
  const { setting } = requireRows(shape);
  // In a comment a line break would begin a statement.
  const name = JSON.stringify(tenant);
  return [
    `-- The registration and the rows of the tenant ${name}. To restore them: psql -v ON_ERROR_STOP=1 -f FILE`,
    "SET client_encoding TO 'UTF8';",
    'BEGIN;',
    `SELECT pg_catalog.set_config(${quoteLiteral(setting)}, ${quoteLiteral(key)}, true), pg_catalog.set_config('search_path', '', true);`,
    '\n',
  ].join('\n');
}

type Part = { table: string; columns: string; which: string };

/** The registry's row first, then what refers to it, then tables before those that refer to them. */
async function partsOf(
  client: Client,
  shape: RegistryShape,
  key: string,
  tables: readonly RowTable[],
): Promise<Part[]> {
  const { column, key: keyColumn } = requireRows(shape);
  const { schema, tenants, domains } = shape;
  const registry = qualified(schema, tenants.table);
  const value = quoteLiteral(key);
  const wanted = [
    { schema, name: tenants.table, which: `${quoteIdentifier(keyColumn)} = ${value}` },
    ...(domains === null
      ? []
      : [
          {
            schema,
            name: domains.table,
            which: `${quoteIdentifier(domains.columns.tenantId)} IN (SELECT ${quoteIdentifier(tenants.columns.id)} FROM ${registry} WHERE ${quoteIdentifier(keyColumn)} = ${value})`,
          },
        ]),
    ...tables
      .toReversed()
      .map((table) => ({ schema: table.schema, name: table.name, which: `${quoteIdentifier(column)} = ${value}` })),
  ];
  const parts: Part[] = [];
  for (const one of wanted) {
    const columns = await columnsOf(client, one);
    parts.push({
      table: qualified(one.schema, one.name),
      columns: columns.map((name) => quoteIdentifier(name)).join(', '),
      which: one.which,
    });
  }
  return parts;
}

/** Generated columns are left out: they cannot be written. */
async function columnsOf(client: Client, { schema, name }: { schema: string; name: string }): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT a.attname::text AS name FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1::text AND c.relname = $2::text AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      ORDER BY a.attnum`,
    [schema, name],
  );
  return rows.map((row) => row.name);
}

function writeAll(fd: number, piece: Buffer): void {
  for (let at = 0; at < piece.length;) at += writeSync(fd, piece, at);
}

function unwritable(path: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EEXIST') {
    return new TenantsError('FILE_EXISTS', `The file ${path} exists already, and a dump overwrites nothing.`, {
      file: path,
      suggestions: ['Choose another file name.'],
    });
  }
  return new TenantsError('USAGE', `The dump cannot be written to ${path} (${code || String(error)}).`, {
    file: path,
    suggestions: ['Choose a file in a folder that exists and can be written to.'],
  });
}
