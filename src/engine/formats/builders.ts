import { join } from 'node:path';

import { migrationName } from '../../util/migration-files.js';
import type { BuilderFormat, MigrationFile } from '../types.js';
import { codeFiles, type Folder, sqlFiles, unreadableFolder } from './folder.js';
import { TITLES } from './foreign.js';
import type { ListedFormat } from './types.js';

/** Formats whose migrations are JavaScript or TypeScript files, in the order in which the tool itself sorts them. */
export const BUILDERS: Record<BuilderFormat, ListedFormat> = {
  knex: {
    name: 'knex',
    howToCreate: 'Run `npx knex migrate:make NAME`, or write the next file by hand.',
    // Knex sorts the names of the files, and Kysely those of the migrations.
    list: async (folder) => listCode(folder, 'knex', (file) => file),
  },
  kysely: {
    name: 'kysely',
    howToCreate: 'Run `npx kysely migrate:make NAME` (of kysely-ctl), or write the next file by hand.',
    list: async (folder) => listCode(folder, 'kysely', migrationName),
  },
};

function listCode(folder: Folder, format: BuilderFormat, sortedBy: (file: string) => string): MigrationFile[] {
  const files = codeFiles(folder);
  const [stray] = sqlFiles(folder).toSorted();
  if (files.length === 0 && stray !== undefined) {
    throw unreadableFolder(
      folder.directory,
      `there is nothing of ${TITLES[format]} in it, but SQL files such as ${stray}.`,
      [`Name the folder with the migrations of ${TITLES[format]}, or write \`format: 'sql'\` for plain SQL files.`],
    );
  }
  const compare = (one: string, other: string): number => (one < other ? -1 : Number(one > other));
  return files
    .toSorted((one, other) => compare(sortedBy(one), sortedBy(other)))
    .map((name) => ({ name: migrationName(name), path: join(folder.directory, name), format }));
}
