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
  const found = await Promise.all(
    files
      .filter((file) => extname(file).toLowerCase() === '.sql')
      .map(async (file) => [migrationName(file), replacedBy(await readFile(join(directory, file), 'utf8'))] as const),
  );
  return new Map(found.filter(([, names]) => names.length > 0));
}
