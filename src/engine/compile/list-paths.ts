import { resolve } from 'node:path';

import { compareMigrationFileNames } from 'node-pg-migrate/utils/comparators';
import { getNumericPrefix } from 'node-pg-migrate/utils/fileNameUtils';

import { readMigrationFileNames } from '../../util/migration-files.js';
import { quiet } from './quiet.js';

/**
 * Absolute paths of the migration files of a directory, in the order in which node-pg-migrate runs them: by the number at
 * the beginning of the name, with its own comparison.
 *
 * Its `getMigrationFilePaths` would load the whole of node-pg-migrate, which a run with nothing to do has no use for.
 * Throws the same errors as that: besides those of `readMigrationFileNames` (where there are two files to compare) for a
 * name without a number.
 */
export async function listPaths(directory: string, ignorePattern: string | undefined): Promise<string[]> {
  const names = await readMigrationFileNames(directory, ignorePattern);
  return sortFileNames(names).map((name) => resolve(directory, name));
}

/** The names of migration files in the order in which node-pg-migrate runs them. */
export function sortFileNames(names: readonly string[]): string[] {
  return names.toSorted((one, other) => compareMigrationFileNames(one, other, quiet));
}

/** The number that decides the order; a 17-digit prefix is a UTC date and counts as its milliseconds. */
export function orderNumber(fileName: string): number | undefined {
  try {
    return getNumericPrefix(fileName, quiet);
  } catch {
    return undefined;
  }
}
