import { readdir } from 'node:fs/promises';
import { basename, extname } from 'node:path';

/**
 * What lies among migrations and cannot be one, when no pattern is configured: dot files, type declarations, source maps,
 * texts, and whatever has neither a number nor the extension of a migration. node-pg-migrate's own default is dot files
 * alone; it would fail at the others. A numbered file is never left out for an unknown extension, which may be a slip.
 */
export const DEFAULT_IGNORE_PATTERN = String.raw`(?:\..*|.*\.(?:d\.[cm]?ts|map|md|txt)|\D.*(?<!\.(?:sql|[cm]?[jt]s)))`;

/**
 * The names of the migration files of a directory, in no order.
 *
 * What node-pg-migrate's `getMigrationFilePaths` takes with the same pattern (version 9, migration.ts): files and symbolic
 * links; the pattern has to match the whole name. Throws the same errors: for a directory that cannot be read and a pattern
 * that is not a regular expression.
 */
export async function readMigrationFileNames(directory: string, ignorePattern: string | undefined): Promise<string[]> {
  const ignored = new RegExp(`^${ignorePattern || DEFAULT_IGNORE_PATTERN}$`);
  const entries = await readdir(`${directory}/`, { withFileTypes: true });
  return entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && !ignored.test(entry.name))
    .map(({ name }) => name);
}

/** The name by which the bookkeeping knows a migration: that of its file without the extension. */
export function migrationName(file: string): string {
  return basename(file, extname(file));
}
