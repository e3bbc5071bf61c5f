import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { BuilderFormat, FormatName } from '../types.js';
import { codeFiles, type Folder, sqlFiles, unreadableFolder } from './folder.js';
import { type Recognized, TITLES } from './foreign.js';
import { builderOf, FLYWAY_NAME, markedFor } from './markers.js';
import { recognizeFolders } from './recognize-folders.js';

/**
 * The format of a directory, by what lies in it. An empty one is node-pg-migrate's own, and so is one whose files have no marks
 * of another tool.
 *
 * @throws TenantsError MIGRATIONS_UNREADABLE when it could be more than one.
 */
export async function recognizeFormat(folder: Folder): Promise<Recognized | undefined> {
  const byFolders = await recognizeFolders(folder);
  if (byFolders !== undefined) return { format: byFolders, setting: byFolders };
  const code = codeFiles(folder);
  const builder = await recognizeCode(folder, code);
  if (builder !== undefined) return { format: builder, setting: builder };
  if (code.some((name) => /^\d/.test(name))) return undefined;
  const format = await recognizeSql(folder);
  return format === 'plain' ? undefined : { format, setting: 'sql' };
}

/**
 * Which of the formats of plain SQL files a directory has.
 *
 * @throws TenantsError MIGRATIONS_UNREADABLE when the files are of more than one: each may undo what another one does.
 */
export async function recognizeSql(folder: Folder): Promise<FormatName> {
  const examples = new Map<FormatName, string>();
  for (const name of sqlFiles(folder).toSorted()) {
    for (const format of await formatsOf(folder, name)) if (!examples.has(format)) examples.set(format, name);
  }
  return onlyOne(folder, examples) ?? 'plain';
}

/** Knex or Kysely, where a file shows it; node-pg-migrate's own functions count as a format of their own. */
async function recognizeCode(folder: Folder, names: readonly string[]): Promise<BuilderFormat | undefined> {
  const examples = new Map<BuilderFormat | 'node-pg-migrate', string>();
  for (const name of names.toSorted()) {
    const found = builderOf(await readFile(join(folder.directory, name), 'utf8'));
    if (found !== undefined && !examples.has(found)) examples.set(found, name);
  }
  const found = onlyOne(folder, examples);
  return found === 'node-pg-migrate' ? undefined : found;
}

/** @param examples a file of each format that was found */
function onlyOne<Found extends FormatName | 'node-pg-migrate'>(
  { directory }: Folder,
  examples: ReadonlyMap<Found, string>,
): Found | undefined {
  const [only, ...more] = [...examples.keys()];
  if (more.length === 0) return only;
  const titleOf = (format: FormatName | 'node-pg-migrate'): string =>
    format === 'node-pg-migrate' ? format : TITLES[format];
  const seen = [...examples].map(([format, name]) => `${name} (${titleOf(format)})`);
  throw unreadableFolder(
    directory,
    `the files are of more than one format: ${seen.join(', ')}.`,
    ['Put the files of each tool into a directory of their own, or leave some out with `ignorePattern`.'],
    seen,
  );
}

async function formatsOf({ directory, files }: Folder, name: string): Promise<FormatName[]> {
  if (/\.(?:up|down)\.sql$/i.test(name)) return ['pairs'];
  if (FLYWAY_NAME.test(name)) return ['flyway'];
  // Repeatable migrations and callbacks are named in the complaint of the format that has them.
  if (files.some((other) => FLYWAY_NAME.test(other))) return ['flyway'];
  const marked = markedFor(await readFile(join(directory, name), 'utf8'));
  return marked.length === 0 ? ['plain'] : marked;
}
