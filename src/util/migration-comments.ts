import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

import { migrationName } from './migration-files.js';

/** What the comments of a migration file say about its place among the others. */
export type MigrationComments = {
  /** The migrations that it takes the place of, oldest first. */
  replaces: string[];
  /** What stands after `phase=`, in lower case: usually nothing, else `post`. */
  phases: string[];
};

const REPLACES = /^\uFEFF?[ \t]*--[ \t]*tenants:[ \t]*replaces[ \t]+(\S.*?)[ \t]*\r?$/gim;
const PHASE = /^\uFEFF?[ \t]*(?:--|\/\/)[ \t]*tenants:[ \t]*phase\b[ \t]*[=:]?[ \t]*(.*?)[ \t]*\r?$/gim;

/** The migrations that an SQL file says it takes the place of: `-- tenants: replaces 0001_a 0002_b`, on one or more lines. */
export function replacedBy(text: string): string[] {
  return [...text.matchAll(REPLACES)].flatMap(([, names = '']) => names.split(/[\s,]+/).filter((name) => name !== ''));
}

/** The phases that a file names: `-- tenants: phase=post`, in JavaScript and TypeScript after `//`. */
export function phasesIn(text: string): string[] {
  return [...text.matchAll(PHASE)].map(([, phase = '']) => phase.toLowerCase());
}

/**
 * Reads the comments of a directory's migrations.
 *
 * @param files names of its files
 * @returns the names of those migrations that have such comments, and what they say
 */
export async function readComments(
  directory: string,
  files: readonly string[],
): Promise<Map<string, MigrationComments>> {
  const found = new Map<string, MigrationComments>();
  for (let start = 0; start < files.length; start += AT_ONCE) {
    const batch = files.slice(start, start + AT_ONCE);
    const texts = await Promise.all(batch.map(async (file) => await readThere(join(directory, file))));
    for (const [index, file] of batch.entries()) {
      const text = texts[index] ?? '';
      const replaces = extname(file).toLowerCase() === '.sql' ? replacedBy(text) : [];
      const phases = phasesIn(text);
      if (replaces.length + phases.length > 0) found.set(migrationName(file), { replaces, phases });
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
