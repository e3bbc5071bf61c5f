import { readdir } from 'node:fs/promises';
import { basename, extname } from 'node:path';

/**
 * The names of the migration files of a directory, in no order.
 *
 * What node-pg-migrate's `getMigrationFilePaths` takes (version 9, migration.ts): files and symbolic links, everything but
 * dot files unless there is an ignore pattern, which has to match the whole name. Throws the same errors: for a directory
 * that cannot be read and a pattern that is not a regular expression.
 */
export async function readMigrationFileNames(directory: string, ignorePattern: string | undefined): Promise<string[]> {
  const ignored = new RegExp(
    ignorePattern === undefined || ignorePattern === '' ? String.raw`^\..*` : `^${ignorePattern}$`,
  );
  const entries = await readdir(`${directory}/`, { withFileTypes: true });
  return entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && !ignored.test(entry.name))
    .map(({ name }) => name);
}

/** The name by which the bookkeeping knows a migration: that of its file without the extension. */
export function migrationName(file: string): string {
  return basename(file, extname(file));
}
