import { JOURNAL } from './drizzle.js';
import { type Folder, readIfThere, sqlFiles } from './folder.js';
import { MIGRATION_FILE } from './migration-folders.js';
import { LOCK_FILE } from './prisma.js';

/** Drizzle and Prisma are told by what they put beside the SQL. */
export async function recognizeFolders(folder: Folder): Promise<'drizzle' | 'prisma' | undefined> {
  const { directory, files, folders } = folder;
  if (folders.includes('meta') && (await readIfThere(directory, JOURNAL)) !== undefined) return 'drizzle';
  if (files.includes(LOCK_FILE)) return 'prisma';
  if (sqlFiles(folder).length > 0) return undefined;
  for (const name of folders.toSorted()) {
    if ((await readIfThere(directory, name, MIGRATION_FILE)) === undefined) continue;
    return (await readIfThere(directory, name, 'snapshot.json')) === undefined ? 'prisma' : 'drizzle';
  }
  return undefined;
}
