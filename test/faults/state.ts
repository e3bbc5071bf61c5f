import { type Client, escapeIdentifier, escapeLiteral } from 'pg';

import { withAdmin } from '../support/admin.js';

/** One schema as the database has it. */
export type SchemaState = {
  schema: string;
  /** By name; false for an index that is not valid. */
  relations: ReadonlyMap<string, boolean>;
  /** The bookkeeping rows, oldest first; empty without a migrations table. */
  applied: string[];
  /** Rows of the table `projects`; 0 when it does not exist. */
  projects: number;
};

/** A fleet as the database has it. */
export type FleetState = {
  /** Status by schema name. */
  registered: ReadonlyMap<string, string>;
  /** All schemas but the shared one and the server's own. */
  schemas: ReadonlyMap<string, SchemaState>;
};

/** Reads everything that a fault can have left, in one snapshot. */
export async function readState(url: string): Promise<FleetState> {
  return await withAdmin(url, async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const registered = await client.query<{ schema: string; status: string }>(
      'SELECT schema_name AS schema, status FROM tenants',
    );
    const relations = await relationsBySchema(client);
    const schemas = new Map<string, SchemaState>();
    for (const [schema, found] of relations) {
      schemas.set(schema, { schema, relations: found, applied: [], projects: 0 });
    }
    await readRows(client, schemas);
    await client.query('COMMIT');
    return { registered: new Map(registered.rows.map(({ schema, status }) => [schema, status])), schemas };
  });
}

async function relationsBySchema(client: Client): Promise<Map<string, Map<string, boolean>>> {
  const { rows } = await client.query<{ schema: string; name: string | null; valid: boolean }>(
    `SELECT n.nspname AS schema, c.relname AS name, coalesce(i.indisvalid, true) AS valid
       FROM pg_namespace n
       LEFT JOIN pg_class c ON c.relnamespace = n.oid
       LEFT JOIN pg_index i ON i.indexrelid = c.oid
      WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public', 'spy', 'tenants_journal')`,
  );
  const schemas = new Map<string, Map<string, boolean>>();
  for (const { schema, name, valid } of rows) {
    const relations = schemas.get(schema) ?? new Map<string, boolean>();
    schemas.set(schema, relations);
    if (name !== null) relations.set(name, valid);
  }
  return schemas;
}

/** Fills in what tables hold. */
async function readRows(client: Client, schemas: Map<string, SchemaState>): Promise<void> {
  const parts = [...schemas.values()].flatMap(({ schema, relations }) => {
    const from = escapeIdentifier(schema);
    const lists = `(SELECT array_agg(name::text ORDER BY id) FROM ${from}.pgmigrations)`;
    const count = `(SELECT count(*) FROM ${from}.projects)`;
    return `SELECT ${escapeLiteral(schema)} AS schema, ${relations.has('pgmigrations') ? lists : 'NULL::text[]'} AS applied,
      ${relations.has('projects') ? count : '0'}::int AS projects`;
  });
  if (parts.length === 0) return;
  const { rows } = await client.query<{ schema: string; applied: string[] | null; projects: number }>(
    parts.join(' UNION ALL '),
  );
  for (const { schema, applied, projects } of rows) {
    const state = schemas.get(schema);
    if (state !== undefined) schemas.set(schema, { ...state, applied: applied ?? [], projects });
  }
}
