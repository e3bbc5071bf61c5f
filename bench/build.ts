import { overConnections, withClient } from './database.js';
import type { Migration } from './project.js';

/** Schemas that one message builds; an interruption waits for no more than these. */
const SCHEMAS_PER_BLOCK = 100;

/** Relations that a migrated schema has for each of its tables: the table, its key, its TOAST table and index, a sequence. */
const RELATIONS_PER_TABLE = 5;

export function tenantNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => tenantName(index + 1));
}

function tenantName(number: number): string {
  return `t${String(number).padStart(6, '0')}`;
}

/** Makes empty schemas and registers them. The registry must be there. */
export async function buildEmpty(url: string, count: number): Promise<void> {
  await overConnections(url, 1, blocks(count), (client, [from, to]) =>
    client.query(forEachSchema(from, to, SCHEMAS_PER_BLOCK, `EXECUTE format('CREATE SCHEMA %I', s)`)),
  );
  await withClient(url, async (client) => {
    await client.query('INSERT INTO tenants (schema_name) SELECT unnest($1::text[])', [tenantNames(count)]);
    await client.query('VACUUM ANALYZE');
  });
}

/** Fills empty schemas with what the migrations make, as if each had been applied, over some connections. */
export async function fill(
  url: string,
  count: number,
  migrations: readonly Migration[],
  connections: number,
): Promise<void> {
  const tables = migrations.reduce((sum, { sql }) => sum + sql.split('CREATE TABLE').length - 1, 0);
  const perTransaction = await schemasPerTransaction(url, tables, connections);
  const values = migrations.map(({ name }) => `('${name}', clock_timestamp())`).join(', ');
  const sql = [
    'CREATE TABLE pgmigrations (id SERIAL PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);',
    ...migrations.map(({ sql }) => sql),
    `INSERT INTO pgmigrations (name, run_on) VALUES ${values};`,
  ].join('\n');
  await overConnections(url, connections, blocks(count), (client, [from, to]) =>
    client.query(forEachSchema(from, to, perTransaction, `EXECUTE $sql$${sql}$sql$`)),
  );
  await tidy(url);
}

/** Runs a statement in every schema. */
export async function inEverySchema(url: string, count: number, sql: string, connections: number): Promise<void> {
  await overConnections(url, connections, blocks(count), (client, [from, to]) =>
    client.query(forEachSchema(from, to, 10, `EXECUTE $sql$${sql}$sql$`)),
  );
  await tidy(url);
}

/** Leaves nothing for autovacuum and the next checkpoint to do while something is measured. */
export async function tidy(url: string): Promise<void> {
  await withClient(url, async (client) => {
    for (const catalog of CATALOGS) await client.query(`VACUUM (ANALYZE) pg_catalog.${catalog}`);
    await client.query('CHECKPOINT');
  });
}

const CATALOGS = [
  'pg_class',
  'pg_attribute',
  'pg_attrdef',
  'pg_index',
  'pg_depend',
  'pg_shdepend',
  'pg_type',
  'pg_constraint',
  'pg_sequence',
  'pg_namespace',
  'pg_statistic',
];

/** Whole transactions must fit into the lock table, beside those of the other connections. */
async function schemasPerTransaction(url: string, tables: number, connections: number): Promise<number> {
  const slots = await withClient(url, async (client) => {
    const { rows } = await client.query<{ slots: number }>(
      `SELECT current_setting('max_locks_per_transaction')::int * current_setting('max_connections')::int AS slots`,
    );
    return rows[0]?.slots ?? 6400;
  });
  const perSchema = (tables + 1) * RELATIONS_PER_TABLE + 1;
  return Math.max(1, Math.min(SCHEMAS_PER_BLOCK, Math.floor(slots / (2 * connections * perSchema))));
}

function blocks(count: number): [number, number][] {
  return Array.from({ length: Math.ceil(count / SCHEMAS_PER_BLOCK) }, (_, index) => [
    index * SCHEMAS_PER_BLOCK + 1,
    Math.min(count, (index + 1) * SCHEMAS_PER_BLOCK),
  ]);
}

/** A block that does something with schemas by number, `s` and the search path being the schema, in short transactions. */
function forEachSchema(from: number, to: number, perTransaction: number, action: string): string {
  return `DO $each$
    DECLARE s text;
    BEGIN
      FOR n IN ${from}..${to} LOOP
        s := 't' || lpad(n::text, 6, '0');
        PERFORM set_config('search_path', s, true);
        ${action};
        IF n % ${perTransaction} = 0 THEN COMMIT; END IF;
      END LOOP;
    END $each$`;
}
