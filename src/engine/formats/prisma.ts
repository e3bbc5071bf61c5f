import { readIfThere, unreadableFolder } from './folder.js';
import { migrationFolders } from './migration-folders.js';
import type { MigrationFormat } from './types.js';

/** Names the database that the migrations are for. */
export const LOCK_FILE = 'migration_lock.toml';

/**
 * `prisma/migrations`: a folder with `migration.sql` for each migration. Prisma itself has no way back; a `down.sql` in the
 * folder, which its documentation has one write with `prisma migrate diff`, is used where there is one.
 */
export const prisma: MigrationFormat = {
  name: 'prisma',
  howToCreate: 'Change the schema and run `npx prisma migrate dev --create-only --name NAME`.',
  generated: true,

  async list(folder) {
    const lock = await readIfThere(folder.directory, LOCK_FILE);
    const provider = /^\s*provider\s*=\s*"([^"]*)"/m.exec(lock ?? '')?.[1];
    if (provider !== undefined && !['postgresql', 'postgres', 'cockroachdb'].includes(provider)) {
      throw unreadableFolder(folder.directory, `${LOCK_FILE} says that they are for ${provider}, not for postgresql.`, [
        'Use the migrations that were made for PostgreSQL.',
      ]);
    }
    return await migrationFolders(folder, 'prisma', folder.folders);
  },

  script(_file, text) {
    return text.trim() === '' ? undefined : { parts: [{ text, line: 1 }], transaction: true, comments: text };
  },
};
