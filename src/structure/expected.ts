import { randomBytes } from 'node:crypto';

import type { Client } from 'pg';

import { quoteIdentifier, searchPath } from '../db/identifiers.js';
import { assertWritable, type ServerInfo } from '../db/server.js';
import { createMigrationsTable } from '../engine/bookkeeping.js';
import { runDirect } from '../engine/compile/run-direct.js';
import type { CompiledMigration, MigrationFile, Plan } from '../engine/types.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import type { Cohort } from '../fleet/cohorts.js';
import { createPlanner, installedExtensions } from '../fleet/planner.js';
import type { Project } from '../project/project.js';
import { itemsOf } from './read-structure.js';
import type { Item, Level } from './types.js';

/**
 * What the files would make of a tenant that has these migrations: they are run in a schema of their own, in a transaction that is
 * rolled back. Migrations that cannot run in one are run without CONCURRENTLY, for the same result.
 *
 * The statements lock the shared tables that they refer to, as those of a new tenant do, until the schema has been looked at.
 *
 * @throws TenantsError MIGRATION_REFUSED, or MIGRATION_FAILED with the migration that did not run; DATABASE_REFUSED on a standby.
 */
export async function buildExpected(
  client: Client,
  project: Project,
  server: ServerInfo,
  { cohort, files }: { cohort: Cohort; files: readonly MigrationFile[] },
  level: Level,
): Promise<Item[]> {
  assertWritable(server);
  const planner = createPlanner({
    project,
    direction: 'up',
    fake: false,
    extensions: await installedExtensions(client),
  });
  const start: Cohort = { ...cohort, applied: [], tableExists: false, state: { kind: 'pending', pending: [] } };
  const plan = await planner.planCohort({ cohort: start, files, names: cohort.applied });
  return await build(client, project, plan, files, { level, version: server.version });
}

async function build(
  client: Client,
  project: Project,
  plan: Plan,
  files: readonly MigrationFile[],
  { level, version }: { level: Level; version: number },
): Promise<Item[]> {
  const schema = `tenants_expected_${randomBytes(6).toString('hex')}`;
  const path = searchPath([schema, project.shared.schema, ...project.tenants.extraSearchPath]);
  await client.query('BEGIN');
  try {
    if (project.role !== undefined) await client.query(`SET LOCAL ROLE ${quoteIdentifier(project.role)}`);
    await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
    await client.query(createMigrationsTable(schema, project.migrationsTable).text);
    const applied: string[] = [];
    for (const migration of plan.segments.flatMap(({ migrations }) => migrations)) {
      await client.query(`SET LOCAL search_path TO ${path}`);
      await run(client, project, plan, files, migration, applied);
      applied.push(migration.name);
    }
    await client.query(`SET LOCAL search_path TO ''`);
    return await itemsOf(client, schema, level, version);
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
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
    if (isTenantsError(error)) throw error;
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
