import { TenantsError } from '../errors/tenants-error.js';
import { migrationName, readMigrationFileNames } from '../util/migration-files.js';
import type { MigrationNames, Migrations } from './types.js';

/**
 * Says which migrations a tenant of some type must have. Directories are read once, at the first question.
 *
 * @param ignorePattern files of the directories that are not migrations, as in the configuration
 */
export function migrationNames(
  migrations: Migrations | undefined,
  ignorePattern?: string,
): (type: string | null) => Promise<readonly string[]> {
  const read = new Map<string | null, Promise<readonly string[]>>();
  return (type) => {
    const known = read.get(type);
    if (known !== undefined) return known;
    const names = namesOf(migrations, type, ignorePattern);
    read.set(type, names);
    // A directory that could not be read may be readable next time.
    names.catch(() => read.delete(type));
    return names;
  };
}

async function namesOf(
  migrations: Migrations | undefined,
  type: string | null,
  ignorePattern: string | undefined,
): Promise<readonly string[]> {
  const names = isByType(migrations) ? (type === null ? migrations.default : migrations.types[type]) : migrations;
  if (names === undefined) throw notConfigured(migrations, type);
  return typeof names === 'string' ? await readNames(names, ignorePattern) : names;
}

function isByType(migrations: Migrations | undefined): migrations is Exclude<Migrations, MigrationNames> {
  return typeof migrations === 'object' && !Array.isArray(migrations);
}

async function readNames(directory: string, ignorePattern: string | undefined): Promise<string[]> {
  const files = await readMigrationFileNames(directory, ignorePattern).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TenantsError('MIGRATIONS_UNREADABLE', `The migrations in ${directory} cannot be read: ${reason}`, {
      suggestions: ['A relative path begins at the folder in which the application was started.'],
      cause,
    });
  });
  return files.map((file) => migrationName(file));
}

function notConfigured(migrations: Migrations | undefined, type: string | null): TenantsError {
  if (migrations !== undefined) {
    return new TenantsError(
      'UNKNOWN_TYPE',
      `createTenancy knows no migrations for tenants of type "${String(type)}".`,
      {
        suggestions: ['Name them: createTenancy({ pool, migrations: { default: …, types: { … } } }).'],
      },
    );
  }
  return new TenantsError('CONFIG_INVALID', 'Readiness can be checked only with the migrations of tenants.', {
    suggestions: ["Name them: createTenancy({ pool, migrations: './migrations/tenant' })."],
  });
}
