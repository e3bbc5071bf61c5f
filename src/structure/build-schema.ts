import type { Client } from 'pg';

import { quoteIdentifier, searchPath } from '../db/identifiers.js';
import { isConnectionError } from '../db/sqlstates.js';
import { createMigrationsTable } from '../engine/bookkeeping.js';
import { runDirect } from '../engine/compile/run-direct.js';
import type { CompiledMigration, MigrationFile, Plan } from '../engine/types.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import { createPlanner, installedExtensions } from '../fleet/planner.js';
import type { Project } from '../project/project.js';

/** Migrations of one tenant type, to be run from nothing on. */
export type FromNothing = { type: string | null; files: readonly MigrationFile[]; names: readonly string[] };

/** Compiles what a new tenant would run. @throws TenantsError MIGRATION_REFUSED. */
export async function planFromNothing(
  client: Client,
  project: Project,
  { type, files, names }: FromNothing,
): Promise<Plan> {
  const planner = createPlanner({
    project,
    direction: 'up',
    fake: false,
    extensions: await installedExtensions(client),
  });
  const cohort = {
    type,
    applied: [],
    tableExists: false,
    state: { kind: 'pending' as const, pending: [] },
    members: [],
  };
  return await planner.planCohort({ cohort, files, names });
}

/** The search path of a schema that stands in for a tenant's. */
export function pathOfSchema({ shared, tenants }: Project, schema: string): string {
  return searchPath([schema, shared.schema, ...tenants.extraSearchPath]);
}

/** Makes an empty schema with its migrations table, in a transaction that is open and is rolled back later. */
export async function createEmptySchema(client: Client, project: Project, schema: string): Promise<void> {
  if (project.role !== undefined) await client.query(`SET LOCAL ROLE ${quoteIdentifier(project.role)}`);
  await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  await client.query(createMigrationsTable(schema, project.migrationsTable).text);
}

/**
 * Runs the migrations of a plan in a schema that is made for it, in a transaction that is open and is rolled back later. What cannot run in
 * a transaction is run without CONCURRENTLY, for the same result. Leaves the search path empty and no temporary tables.
 *
 * @throws TenantsError MIGRATION_FAILED with the migration that did not run.
 */
export async function buildSchema(
  client: Client,
  project: Project,
  { schema, plan, files }: { schema: string; plan: Plan; files: readonly MigrationFile[] },
): Promise<void> {
  await createEmptySchema(client, project, schema);
  const path = pathOfSchema(project, schema);
  const applied: string[] = [];
  for (const migration of plan.segments.flatMap(({ migrations }) => migrations)) {
    await client.query(`SET LOCAL search_path TO ${path}`);
    await run(client, project, plan, files, migration, applied);
    applied.push(migration.name);
  }
  // One of `ON COMMIT DROP` would be in the way of the next schema of this transaction.
  await client.query(`DISCARD TEMP; SET LOCAL search_path TO ''`);
}

async function run(
  client: Client,
  project: Project,
  { source }: Plan,
  files: readonly MigrationFile[],
  migration: CompiledMigration,
  applied: readonly string[],
): Promise<void> {
  try {
    if (migration.mode === 'direct') {
      await runDirect({
        source,
        files,
        migration: { ...migration, transaction: true },
        applied: [...applied],
        migrationsTable: project.migrationsTable,
        client: { query: (text, values) => client.query(text as string, values as string[]) },
      });
      return;
    }
    for (const { sql } of migration.statements) await client.query(withinTransaction(sql));
  } catch (error) {
    if (isTenantsError(error) || isConnectionError(error)) throw error;
    throw new TenantsError(
      'MIGRATION_FAILED',
      `The expected structure cannot be built: ${migration.name} failed: ${error instanceof Error ? error.message : String(error)}`,
      { migration: migration.name, file: migration.path, cause: error },
    );
  }
}

/** Where an index is built or dropped concurrently, the result is that of the statement without the word. */
function withinTransaction(sql: string): string {
  return sql.replace(/\b(INDEX|TABLE|SCHEMA|DETACH\s+PARTITION\s+\S+)\s+CONCURRENTLY\b/i, '$1');
}
