import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';

import { compareMigrationFileNames } from 'node-pg-migrate/utils/comparators';
import { getNumericPrefix } from 'node-pg-migrate/utils/fileNameUtils';

import { quiet } from './quiet.js';

/**
 * Absolute paths of the migration files of a directory, in the order in which node-pg-migrate runs them.
 *
 * What its `getMigrationFilePaths` does (version 9, migration.ts), with its own comparison of names: everything but dot
 * files unless there is an ignore pattern, ordered by the number at the beginning of the name. The function itself would
 * load the whole of node-pg-migrate, which a run with nothing to do has no use for. Throws the same errors: for a
 * directory that cannot be read, a pattern that is no regular expression, and (where there are two files to compare) a
 * name without a number.
 */
export async function listPaths(directory: string, ignorePattern: string | undefined): Promise<string[]> {
  const ignored = new RegExp(
    ignorePattern === undefined || ignorePattern === '' ? String.raw`^\..*` : `^${ignorePattern}$`,
  );
  const entries = await readdir(`${directory}/`, { withFileTypes: true });
  return entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && !ignored.test(entry.name))
    .map(({ name }) => name)
    .toSorted((one, other) => compareMigrationFileNames(one, other, quiet))
    .map((name) => resolve(directory, name));
}

/** The number that decides the order; a 17-digit prefix is a UTC date and counts as its milliseconds. */
export function orderNumber(fileName: string): number | undefined {
  try {
    return getNumericPrefix(fileName, quiet);
  } catch {
    return undefined;
  }
}
