import { randomBytes } from 'node:crypto';

import type { Client } from 'pg';

import { isOnCitus } from '../db/citus/cluster.js';
import { distributedAmong } from '../db/citus/nodes.js';
import { distributeSchema } from '../db/citus/placement.js';
import { copyIn } from '../db/copy-in.js';
import { qualified, quoteIdentifier, quoteLiteral } from '../db/identifiers.js';
import { schemaSharding } from '../engine/apply/on-citus.js';
import { loadSqlParser } from '../engine/sql/parse/parser.js';
import { splitSql } from '../engine/sql/parse/split.js';
import { type Dump, exportSnapshot, startDump } from '../pg-dump/run.js';
import { scriptParts } from '../pg-dump/script.js';
import type { Project } from '../project/project.js';
import { alignGrants } from './align-grants.js';
import { asOwner } from './change-transaction.js';

export type CopyOptions = {
  source: string;
  schema: string;
  noData: boolean;
  /** The environment in which `pg_dump` runs. */
  environment: NodeJS.ProcessEnv;
  cancel: AbortSignal | undefined;
};

/**
 * Copies a schema within the database, in the caller's transaction, by executing a dump word for word.
 *
 * A dump contains the source's name everywhere. So the source is temporarily renamed, the dump creates a new schema under
 * the source's name, the new schema is renamed to the copy's name, and the source gets its name back. Everything that the
 * catalog references by OID, which is all but the text of function bodies, then belongs to the copy. The temporary names
 * are invisible: until the COMMIT other sessions read the old catalog and find the source under its name. Renaming locks no
 * table; `pg_dump` holds ACCESS SHARE on the source's tables, as any reader does. Only sessions that change the schema
 * itself (`ALTER SCHEMA`, `GRANT … ON SCHEMA`) have to wait, and a foreign key of the copy that references another schema
 * blocks writes to the referenced table until the COMMIT.
 *
 * The dump is read while it is written: rows are held neither in memory nor on disk. Afterwards the session has the dump's
 * settings and an empty search path.
 */
export async function copySchema(client: Client, project: Project, options: CopyOptions): Promise<void> {
  const { source, schema, noData } = options;
  const { role, lockTimeoutMs, migrationsTable } = project;
  const snapshot = await exportSnapshot(client);
  const dump = startDump({ ...options, schema: source, role, lockTimeoutMs, snapshot, schemaOnly: noData }, 'pipe');
  const aside = `tenants_clone_${randomBytes(8).toString('hex')}`;
  try {
    const onNode = (await distributedAmong(client, [source])).has(source);
    // The statements of a dump are not all known to Citus: the copy is made on the coordinator, and goes to a node as a whole.
    if (isOnCitus(client)) await client.query(schemaSharding(false).text);
    await asOwner(client, role, async () => {
      await client.query(`ALTER SCHEMA ${quoteIdentifier(source)} RENAME TO ${quoteIdentifier(aside)}`);
      await restore(client, dump);
      await client.query(`ALTER SCHEMA ${quoteIdentifier(source)} RENAME TO ${quoteIdentifier(schema)}`);
      await client.query(`ALTER SCHEMA ${quoteIdentifier(aside)} RENAME TO ${quoteIdentifier(source)}`);
      await alignGrants(client, source, schema);
      if (!noData) return;
      await copyMigrations(client, source, schema, migrationsTable);
      await fillMaterializedViews(client, source, schema);
    });
    if (onNode) await distributeSchema(client, schema);
  } finally {
    await dump.stop();
  }
}

/** A dump that ends badly has given a script that ends early, so its end is waited for before anything is believed. */
async function restore(client: Client, dump: Dump): Promise<void> {
  if (dump.output === undefined) return;
  try {
    for await (const part of scriptParts(dump.output)) {
      if (part.kind === 'sql') for (const sql of await partsOf(client, part.text)) await client.query(sql);
      else await copyIn(client, part.text, part.rows);
    }
  } catch (error) {
    // If pg_dump failed, its own error says more than the truncated script.
    if (isAboutScript(error)) await dump.done;
    throw error;
  }
  await dump.done;
}

/** Citus takes one statement at a time. A text that the grammar does not know goes as it is. */
async function partsOf(client: Client, text: string): Promise<string[]> {
  if (!isOnCitus(client)) return [text];
  await loadSqlParser();
  const split = splitSql(text);
  return split.ok ? split.statements.map(({ sql }) => sql) : [text];
}

function isAboutScript(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'PG_DUMP_FAILED';
}

/** The rows of node-pg-migrate's migrations table describe the structure, so they are copied with it. */
async function copyMigrations(client: Client, source: string, schema: string, table: string): Promise<void> {
  const { rows } = await client.query<{ present: boolean; columns: string; serial: string | null; old: string | null }>(
    `SELECT to_regclass($1) IS NOT NULL AS present,
            (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
              WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS columns,
            (SELECT pg_get_serial_sequence($2, attname) FROM pg_attribute
              WHERE attrelid = to_regclass($2) AND attname = 'id') AS serial,
            (SELECT pg_get_serial_sequence($1, attname) FROM pg_attribute
              WHERE attrelid = to_regclass($1) AND attname = 'id') AS old`,
    [qualified(source, table), qualified(schema, table)],
  );
  const found = rows[0];
  if (found?.present !== true) return;
  await client.query(
    `INSERT INTO ${qualified(schema, table)} (${found.columns}) OVERRIDING SYSTEM VALUE
     SELECT ${found.columns} FROM ${qualified(source, table)}`,
  );
  if (found.serial === null || found.old === null) return;
  await client.query(`SELECT setval(${quoteLiteral(found.serial)}::regclass, last_value, is_called) FROM ${found.old}`);
}

/** A materialized view that was never populated cannot be read; an empty one can. Refreshed in the order of creation. */
async function fillMaterializedViews(client: Client, source: string, schema: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind = 'm' AND EXISTS (
        SELECT 1 FROM pg_class s JOIN pg_namespace o ON o.oid = s.relnamespace
         WHERE o.nspname = $2 AND s.relname = c.relname AND s.relkind = 'm' AND s.relispopulated)
      ORDER BY c.oid`,
    [schema, source],
  );
  for (const { name } of rows) await client.query(`REFRESH MATERIALIZED VIEW ${qualified(schema, name)}`);
}
