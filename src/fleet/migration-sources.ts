import { listMigrationFiles } from '../engine/files.js';
import type { MigrationSource } from '../engine/types.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { MigrationsFormat } from '../project/formats.js';
import type { Project } from '../project/project.js';
import type { Tenant } from '../registry/types.js';
import type { FilesByType } from './cohorts.js';

/** What of a project says where its migrations are and how they are read. */
type SourceSettings = Pick<Project, 'shared' | 'tenants' | 'ignorePattern' | 'decamelize' | 'tsconfigPaths'>;

/** The shared schema's migrations directory, as the engine reads it. */
export function sharedSource(project: SourceSettings): MigrationSource {
  const { migrations, format, schema } = project.shared;
  return sourceOf(project, migrations, format, schema);
}

/** The types that tenants can have; `null` is the default one. */
export function tenantTypes({ tenants }: Pick<Project, 'tenants'>): (string | null)[] {
  return [null, ...Object.keys(tenants.types ?? {})];
}

/** The migrations directory of a tenant type. */
export function tenantSource(project: SourceSettings, type: string | null): MigrationSource {
  const { migrations, types = {} } = project.tenants;
  const directory = type === null ? migrations : Object.hasOwn(types, type) ? types[type] : undefined;
  if (directory === undefined) {
    throw new TenantsError('UNKNOWN_TYPE', `There is no tenant type "${type ?? ''}" in the configuration.`);
  }
  return sourceOf(project, directory, formatOfType(project, type), null);
}

function formatOfType({ tenants }: SourceSettings, type: string | null): MigrationsFormat | undefined {
  const { format, typeFormats = {} } = tenants;
  return type !== null && Object.hasOwn(typeFormats, type) ? typeFormats[type] : format;
}

/**
 * The migration files of the tenant types that some tenants have; of the default type when there are no tenants yet. A
 * type that the configuration does not know is left out. Reads directories, runs no migration code.
 *
 * @param known files that were read before: they stay as they are, and are part of the answer.
 */
export async function readTenantFiles(
  project: Project,
  tenants: readonly Tenant[],
  known: FilesByType = new Map(),
): Promise<FilesByType> {
  const configured = new Set(tenantTypes(project));
  const types = new Set(tenants.map(({ type }) => type).filter((type) => configured.has(type)));
  if (tenants.length === 0) types.add(null);
  const unread = [...types].filter((type) => !known.has(type));
  const read = unread.map(async (type) => [type, await listMigrationFiles(tenantSource(project, type))] as const);
  return new Map([...known, ...(await Promise.all(read))]);
}

/** The schema by which tools name the objects of an application, unless they are told another one. */
const APPLICATION_SCHEMA = 'public';

/** @param schema in which the migrations run; `null` for those of the tenants. */
function sourceOf(
  project: SourceSettings,
  directory: string,
  format: MigrationsFormat | undefined,
  schema: string | null,
): MigrationSource {
  return {
    directory,
    ignorePattern: project.ignorePattern,
    decamelize: project.decamelize,
    tsconfigPaths: project.tsconfigPaths,
    ...(format === undefined || format === 'node-pg-migrate' ? {} : { format }),
    ...(format === undefined || schema === APPLICATION_SCHEMA ? {} : { applicationSchema: APPLICATION_SCHEMA }),
  };
}
