import { basename } from 'node:path';

import { TenantsError } from '../errors/tenants-error.js';
import { migrationName } from '../util/migration-files.js';
import { listPaths } from './compile/list-paths.js';
import type { MigrationFile, MigrationSource } from './types.js';

/**
 * The migration files of a directory, in node-pg-migrate's order. Reads file names only and never runs a migration.
 *
 * Throws `MIGRATIONS_UNREADABLE` when the directory is missing or cannot be read, when a file has no number to be ordered
 * by, and when two files share a name: the bookkeeping could not tell them apart.
 */
export async function listMigrationFiles(source: MigrationSource): Promise<MigrationFile[]> {
  const paths = await listPaths(source.directory, source.ignorePattern).catch((error: unknown) => {
    throw unreadable(source, error);
  });
  const files = paths.map((path) => ({ name: migrationName(path), path }));
  assertDistinctNames(source, files);
  return files;
}

function unreadable({ directory }: MigrationSource, cause: unknown): TenantsError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT') {
    return new TenantsError('MIGRATIONS_UNREADABLE', `The migrations directory ${directory} does not exist.`, {
      suggestions: ['Create it, or correct the path in the configuration.'],
      cause,
    });
  }
  const suggestions = text.includes('numeric prefix')
    ? ['Give the file a number like its neighbours, or leave it out with `ignorePattern`.']
    : [];
  return new TenantsError('MIGRATIONS_UNREADABLE', `The migrations in ${directory} cannot be read: ${text}`, {
    suggestions,
    cause,
  });
}

function assertDistinctNames({ directory }: MigrationSource, files: MigrationFile[]): void {
  const seen = new Map<string, string>();
  const problems: string[] = [];
  for (const { name, path } of files) {
    const other = seen.get(name);
    if (other !== undefined) problems.push(`${basename(other)} and ${basename(path)} are both named ${name}`);
    seen.set(name, path);
  }
  if (problems.length === 0) return;
  throw new TenantsError(
    'MIGRATIONS_UNREADABLE',
    `Two migration files in ${directory} share a name: ${problems.join('; ')}.`,
    {
      problems,
      suggestions: ['Rename or remove one of them; a migration is known by its file name without extension.'],
    },
  );
}
