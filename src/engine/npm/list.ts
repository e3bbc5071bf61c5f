import { getMigrationFilePaths } from 'node-pg-migrate/migration';
import { getNumericPrefix } from 'node-pg-migrate/utils/fileNameUtils';

import { quiet } from './quiet.js';

/**
 * Absolute paths of the migration files of a directory, in the order in which node-pg-migrate runs them.
 *
 * Its own function with its own rules: everything but dot files unless there is an ignore pattern, ordered by the number
 * at the beginning of the name. Throws its errors: for a directory that cannot be read, a pattern that is no regular
 * expression, and (where there are two files to compare) a name without a number.
 */
export function listPaths(directory: string, ignorePattern: string | undefined): Promise<string[]> {
  return getMigrationFilePaths(directory, {
    logger: quiet,
    ...(ignorePattern === undefined ? {} : { ignorePattern }),
  });
}

/** The number that decides the order; a 17-digit prefix is a UTC date and counts as its milliseconds. */
export function orderNumber(fileName: string): number | undefined {
  try {
    return getNumericPrefix(fileName, quiet);
  } catch {
    return undefined;
  }
}
