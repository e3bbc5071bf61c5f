import { listMigrationFiles } from '../engine/files.js';
import type { ApplySettings, MigrationSource } from '../engine/types.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import type { Tenant } from '../registry/types.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import type { FilesByType } from './cohorts.js';
import type { Target } from './types.js';

/** The shared schema's migrations directory, as the engine reads it. */
export function sharedSource(project: Project): MigrationSource {
  return sourceOf(project, project.shared.migrations);
}

/** The migrations directory of a tenant type. */
export function tenantSource(project: Project, type: string | null): MigrationSource {
  const { migrations, types = {} } = project.tenants;
  const directory = type === null ? migrations : Object.hasOwn(types, type) ? types[type] : undefined;
  if (directory === undefined) {
    throw new TenantsError('UNKNOWN_TYPE', `There is no tenant type "${type ?? ''}" in the configuration.`);
  }
  return sourceOf(project, directory);
}

/**
 * The migration files of the tenant types that some tenants have; of the default type when there are no tenants yet. A
 * type that the configuration does not know is left out. Reads directories, runs no migration code.
 */
export async function readTenantFiles(project: Project, tenants: readonly Tenant[]): Promise<FilesByType> {
  const known = new Set<string | null>([null, ...Object.keys(project.tenants.types ?? {})]);
  const types = new Set(tenants.map(({ type }) => type).filter((type) => known.has(type)));
  if (tenants.length === 0) types.add(null);
  return new Map(
    await Promise.all(
      [...types].map(async (type) => [type, await listMigrationFiles(tenantSource(project, type))] as const),
    ),
  );
}

/**
 * Refuses a target that names no migration of some selected type.
 *
 * @throws TenantsError UNKNOWN_MIGRATION.
 */
export function assertTarget(
  target: Target,
  directories: readonly { label: string; names: readonly string[] }[],
): void {
  if (target === undefined || 'count' in target) return;
  const without = directories.filter(({ names }) => !names.includes(target.to));
  if (without.length === 0) return;
  const near = nearestNames(target.to, new Set(without.flatMap(({ names }) => [...names])));
  throw new TenantsError(
    'UNKNOWN_MIGRATION',
    `There is no migration "${target.to}" ${without.map(({ label }) => label).join(', ')}.`,
    {
      suggestions: [
        ...didYouMean(near),
        'A migration is named by its file name without the extension, such as 0004_add_invoices.',
      ],
    },
  );
}

/** What holds for every schema of a run. */
export function applySettings(project: Project): ApplySettings {
  return {
    sharedSchema: project.shared.schema,
    extraSearchPath: project.tenants.extraSearchPath,
    migrationsTable: project.migrationsTable,
    role: project.role,
    lockTimeoutMs: project.lockTimeoutMs,
    statementTimeoutMs: project.statementTimeoutMs,
    retries: project.retries,
    fallThrough: project.fallThrough,
    registry: {
      schema: project.registry.schema,
      table: project.registry.tenants.table,
      column: project.registry.tenants.columns.schemaName,
    },
  };
}

function sourceOf(project: Project, directory: string): MigrationSource {
  return {
    directory,
    ignorePattern: project.ignorePattern,
    decamelize: project.decamelize,
    tsconfigPaths: project.tsconfigPaths,
  };
}
