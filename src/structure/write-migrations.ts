import { randomBytes } from 'node:crypto';

import type { Client } from 'pg';

import { assertWritable, type ServerInfo } from '../db/server.js';
import type { MigrationFile, Plan } from '../engine/types.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { buildSchema, createEmptySchema, type FromNothing, pathOfSchema, planFromNothing } from './build-schema.js';
import { compareItems } from './compare.js';
import { itemsOf } from './read-structure.js';
import { attempt } from './sql/write/create-in-order.js';
import {
  changingColumns,
  insertRows,
  MOST_ROWS,
  readRows,
  readSequences,
  setSequence,
  type TableRows,
} from './sql/write/rows.js';
import { writeSchema } from './sql/write/write-schema.js';
import type { Item } from './types.js';

/** What migrations make of an empty schema, as SQL: each element is one or more statements, with their semicolons. */
export type WrittenMigrations = {
  statements: string[];
  /** Columns whose values are not written down, because they differ each time, and come from their defaults: `users.id`. */
  defaults: string[];
};

/**
 * Writes the SQL that makes of an empty schema what these migrations make of it: structure, owners, privileges, rows, and where
 * sequences stand. It is proven: both are carried out in schemas that are rolled back, and compared.
 *
 * Values that differ each time the migrations run, as those of `now()` do, are left to the defaults of their columns.
 *
 * The statements run with the tenant's search path. Shared tables that they refer to are locked until it is done, as when a
 * tenant is created.
 *
 * @throws TenantsError NOT_REPRODUCIBLE with every difference; MIGRATION_REFUSED or MIGRATION_FAILED when the files cannot be
 *   run; DATABASE_REFUSED on a standby.
 */
export async function writeMigrations(
  client: Client,
  project: Project,
  server: ServerInfo,
  from: FromNothing,
): Promise<WrittenMigrations> {
  assertWritable(server);
  const plan = await planFromNothing(client, project, from);
  const context: Context = { client, project, plan, files: from.files, version: server.version };
  // What is different in another transaction is time, what is different in another schema is chance.
  const earlier = await rolledBack(context, async () => (await build(context, 'a')).rows);
  return await rolledBack(context, async () => {
    const [one, other] = [await build(context, 'b'), await build(context, 'c')];
    await assertInside(client, one, other);
    assertSame(one.items, other.items, 'The migrations make different things each time they run');
    const random = changing(one.rows, other.rows);
    const defaults = union(changing(earlier, one.rows), random);
    assertDefaults(one.rows, defaults);
    const statements = await prove(context, one, { random, defaults });
    const columns = [...defaults].flatMap(([table, names]) => [...names].map((name) => `${table}.${name}`));
    return { statements, defaults: columns };
  });
}

type Context = { client: Client; project: Project; plan: Plan; files: readonly MigrationFile[]; version: number };

type Built = { schema: string; items: Item[]; rows: TableRows[] };

type Columns = ReadonlyMap<string, ReadonlySet<string>>;

/** Values are read and written as text, in one form. */
const SETTINGS = `SET LOCAL search_path TO ''; SET LOCAL datestyle TO 'ISO, YMD'; SET LOCAL intervalstyle TO postgres;
  SET LOCAL extra_float_digits TO 1; SET LOCAL bytea_output TO hex; SET LOCAL xmloption TO content; SET LOCAL row_security TO off`;

async function rolledBack<T>({ client }: Context, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    return await work();
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

async function build({ client, project, plan, files, version }: Context, label: string): Promise<Built> {
  const schema = schemaName(label);
  await buildSchema(client, project, { schema, plan, files });
  return { schema, ...(await read(client, project, schema, version)) };
}

function schemaName(label: string): string {
  return `tenants_expected_${label}_${randomBytes(5).toString('hex')}`;
}

async function read(client: Client, project: Project, schema: string, version: number): Promise<Omit<Built, 'schema'>> {
  await client.query(SETTINGS);
  const items = await itemsOf(client, schema, 'owners', version);
  const rows = await readRows(client, schema, project.migrationsTable);
  if (rows === undefined) {
    throw refusal(`The migrations insert more than ${MOST_ROWS} rows, which is too many for a file.`, []);
  }
  return { items, rows };
}

/** Makes the same in a third schema, from the statements that are being found, and compares. */
async function prove(
  { client, project, version }: Context,
  wanted: Built,
  { random, defaults }: { random: Columns; defaults: Columns },
): Promise<string[]> {
  const schema = schemaName('d');
  await createEmptySchema(client, project, schema);
  const path = `SET LOCAL search_path TO ${pathOfSchema(project, schema)}`;
  const readItems = async (): Promise<Item[]> => {
    await client.query(`SET LOCAL search_path TO ''`);
    const items = await itemsOf(client, schema, 'owners', version);
    await client.query(path);
    return items;
  };
  await client.query(path);
  const sequences = await readSequences(client, wanted.schema);
  const { statements, failed } = await writeSchema(client, {
    items: wanted.items,
    readItems,
    insertRows: async () => {
      const inserts = wanted.rows.map((rows) => insertRows(rows, defaults.get(rows.table) ?? new Set()));
      for (const sql of inserts) {
        const problem = await attempt(client, sql);
        if (problem === undefined) continue;
        throw refusal('Rows that the migrations insert cannot be inserted again.', [problem]);
      }
      return inserts;
    },
  });
  const own = sequences.filter(({ sequence }) => !sequence.includes(`${project.migrationsTable}_id_seq`));
  const settings = own.map((one) => setSequence(one));
  for (const sql of settings) await client.query(sql);
  const found = await read(client, project, schema, version);
  assertSame(wanted.items, found.items, 'The structure that the migrations make cannot be written as SQL', failed);
  const differing = changing(wanted.rows, found.rows);
  const wrong = [...differing].flatMap(([table, names]) =>
    [...names].filter((name) => random.get(table)?.has(name) !== true).map((name) => `${table}.${name}`),
  );
  if (wrong.length > 0) {
    throw refusal('Rows that the migrations insert cannot be written as SQL: their values differ each time.', wrong);
  }
  return [...statements, ...settings];
}

function changing(one: readonly TableRows[], other: readonly TableRows[]): Columns {
  const found = changingColumns(one, other);
  if (found instanceof Map) return found;
  throw refusal('The migrations insert different rows each time they run.', [found.table]);
}

function union(one: Columns, other: Columns): Columns {
  const both = new Map<string, Set<string>>();
  for (const [table, names] of [...one, ...other]) both.set(table, new Set([...(both.get(table) ?? []), ...names]));
  return both;
}

/** A value that differs each time can only be written down as the default of its column. */
function assertDefaults(rows: readonly TableRows[], changed: Columns): void {
  const without = rows.flatMap(({ table, columns }) =>
    columns
      .filter(({ name, hasDefault }) => changed.get(table)?.has(name) === true && !hasDefault)
      .map(({ name }) => `${table}.${name}`),
  );
  if (without.length === 0) return;
  throw refusal('Values that the migrations insert differ each time, in columns that have no default.', without);
}

function assertSame(
  wanted: readonly Item[],
  found: readonly Item[],
  what: string,
  failed: readonly string[] = [],
): void {
  const differences = compareItems(wanted, found);
  if (differences.length === 0) return;
  const problems = differences.map(({ kind, object, change, expected, actual }) => {
    const why = failed.find((one) => one.startsWith(`${kind} ${object}: `));
    const details = why ?? [expected, actual].map((part) => part ?? 'nothing').join(' / ');
    return `${change} ${kind} ${object} (${details})`;
  });
  throw refusal(`${what}.`, problems);
}

/** What they do elsewhere would be lost. The server counts the rows that a transaction has written. */
async function assertInside(client: Client, ...own: readonly Built[]): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT pg_catalog.format('%I.%I', schemaname, relname) AS name FROM pg_catalog.pg_stat_xact_user_tables
      WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND schemaname <> ALL ($1) ORDER BY 1`,
    [own.map(({ schema }) => schema)],
  );
  const others = rows.map(({ name }) => name).filter((name) => !name.startsWith('tenants_expected_'));
  if (others.length === 0) return;
  throw refusal(
    'The migrations write rows outside the schema of the tenant, which one file in their place would not.',
    others,
  );
}

function refusal(message: string, problems: string[]): TenantsError {
  return new TenantsError('NOT_REPRODUCIBLE', message, { problems });
}
