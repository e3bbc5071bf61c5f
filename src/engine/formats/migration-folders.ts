import { join } from 'node:path';

import type { FormatName, MigrationFile } from '../types.js';
import { type Folder, readFolder, unreadableFolder } from './folder.js';

/** The file of a migration that has a folder of its own. */
export const MIGRATION_FILE = 'migration.sql';

/**
 * Migrations that have a folder each, in the order of the names, which begin with a time.
 *
 * @throws TenantsError MIGRATIONS_UNREADABLE for a folder without a `migration.sql`.
 */
export async function migrationFolders(
  { directory }: Pick<Folder, 'directory'>,
  format: FormatName,
  names: readonly string[],
): Promise<MigrationFile[]> {
  const read = await Promise.all(
    names.toSorted().map(async (name) => ({ name, files: (await readFolder(join(directory, name), undefined)).files })),
  );
  const without = read.filter(({ files }) => !files.includes(MIGRATION_FILE));
  if (without.length > 0) {
    throw unreadableFolder(
      directory,
      `there is no ${MIGRATION_FILE} in ${without.map(({ name }) => name).join(', ')}.`,
      ['Restore the file, remove the folder, or leave it out with `ignorePattern`.'],
      without.map(({ name }) => `${join(name, MIGRATION_FILE)} does not exist`),
    );
  }
  return read.map(({ name, files }): MigrationFile => {
    const down = files.includes('down.sql') ? { downPath: join(directory, name, 'down.sql') } : {};
    return { name, path: join(directory, name, MIGRATION_FILE), format, ...(format === 'prisma' ? down : {}) };
  });
}
