import { isAbsolute } from 'node:path';

import type { FormatName, MigrationFile, MigrationSource } from '../types.js';
import { findFormat, type FormatKey } from './find-format.js';
import { type Folder, readFolder, sqlFiles, unreadableFolder } from './folder.js';
import { TITLES } from './foreign.js';
import { recognizeFolders } from './recognize-folders.js';
import { recognizeFormat, recognizeSql } from './recognize.js';
import { isBuilderFormat } from './types.js';

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
  const { format, ...key } = await decide(folder, setting);
  return format === undefined ? undefined : await (await findFormat({ format, ...key })).list(folder);
}

/** What is configured; `auto` has been decided. */
async function decide(folder: Folder, setting: MigrationSource['format'] = 'auto'): Promise<FormatKey> {
  if (setting === 'auto') return { ...(await recognizeFormat(folder)) };
  if (isAbsolute(setting)) return { format: 'module', module: setting };
  const found = await recognizeFolders(folder);
  const expected = setting === 'sql' ? undefined : setting;
  if (found !== undefined && found !== expected) {
    throw unreadableFolder(folder.directory, `they are ${TITLES[found]}'s, but the format is '${setting}'.`, [
      `Write \`format: '${found}'\` beside \`migrations\` in the configuration.`,
    ]);
  }
  if (setting === 'sql') return { format: await recognizeSql(folder) };
  const format = setting as Exclude<FormatName, 'module'>;
  if (isBuilderFormat(format)) return { format };
  const [stray] = found === undefined ? sqlFiles(folder).toSorted() : [];
  if (stray !== undefined) {
    throw unreadableFolder(
      folder.directory,
      `there is nothing of ${TITLES[format]} in it, but SQL files such as ${stray}.`,
      ["Name the folder that the tool writes, or write `format: 'sql'` for plain SQL files."],
    );
  }
  return { format };
}
