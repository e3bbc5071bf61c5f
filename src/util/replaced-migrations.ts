import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

import { migrationName } from './migration-files.js';

const COMMENT = /^[ \t]*--[ \t]*tenants:[ \t]*replaces[ \t]+(\S.*?)[ \t]*\r?$/gim;

/** The migrations that an SQL file says it takes the place of, oldest first: `-- tenants: replaces 0001_a 0002_b`, on one or more lines. */
export function replacedBy(text: string): string[] {
  return [...text.matchAll(COMMENT)].flatMap(([, names = '']) => names.split(/[\s,]+/).filter((name) => name !== ''));
}

/**
 * Reads which migrations of a directory take the place of others.
 *
 * @param files names of its files
 * @returns the names of migrations and of those they replace
 */
export async function readReplaced(directory: string, files: readonly string[]): Promise<Map<string, string[]>> {
  const sql = files.filter((file) => extname(file).toLowerCase() === '.sql');
  const found = new Map<string, string[]>();
  for (let start = 0; start < sql.length; start += AT_ONCE) {
    const batch = sql.slice(start, start + AT_ONCE);
    const names = await Promise.all(batch.map(async (file) => replacedBy(await readThere(join(directory, file)))));
    for (const [index, file] of batch.entries()) {
      if ((names[index] ?? []).length > 0) found.set(migrationName(file), names[index] ?? []);
    }
  }
  return found;
}

/** Files that are open at the same time. */
const AT_ONCE = 64;

/** A link that leads nowhere is complained about when it is to be run. */
async function readThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EISDIR')) return '';
    throw error;
  }
}
