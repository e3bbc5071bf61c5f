import type { FormatName, MigrationFile, MigrationSource } from '../types.js';
import { findFormat } from './find-format.js';
import { type Folder, readFolder, unreadableFolder } from './folder.js';
import { TITLES } from './foreign.js';
import { recognizeFolders } from './recognize-folders.js';
import { recognizeFormat, recognizeSql } from './recognize.js';

/** A configured format; `auto` has been decided. */
type Decided = { format: FormatName | undefined };

/**
 * The migrations of a directory that is configured to be of another tool's format, in that tool's order; `undefined` where
 * `auto` finds node-pg-migrate's own. Reads the files of formats that are told by their text, and runs nothing.
 *
 * @throws TenantsError MIGRATIONS_UNREADABLE, and the errors of the file system.
 */
export async function listFormatted({
  directory,
  ignorePattern,
  format: setting,
}: MigrationSource): Promise<MigrationFile[] | undefined> {
  const folder = await readFolder(directory, ignorePattern);
  const { format } = await decide(folder, setting);
  return format === undefined ? undefined : await (await findFormat(format)).list(folder);
}

async function decide(folder: Folder, setting: MigrationSource['format']): Promise<Decided> {
  if (setting === 'auto') return { format: (await recognizeFormat(folder))?.format };
  const found = await recognizeFolders(folder);
  const expected = setting === 'sql' ? undefined : setting;
  if (found !== undefined && found !== expected) {
    throw unreadableFolder(folder.directory, `they are ${TITLES[found]}'s, but the format is '${String(setting)}'.`, [
      `Write \`format: '${found}'\` beside \`migrations\` in the configuration.`,
    ]);
  }
  if (setting === 'sql') return { format: await recognizeSql(folder) };
  const stray = setting === undefined || found !== undefined ? [] : folder.files.filter((name) => /\.sql$/i.test(name));
  if (stray.length > 0) {
    throw unreadableFolder(
      folder.directory,
      `there is nothing of ${TITLES[setting as 'drizzle' | 'prisma']} in it, but SQL files such as ${stray.toSorted()[0]}.`,
      ["Name the folder that the tool writes, or write `format: 'sql'` for plain SQL files."],
    );
  }
  return { format: expected };
}
