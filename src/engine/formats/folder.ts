import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { TenantsError } from '../../errors/tenants-error.js';

/** What lies in a migrations directory. */
export type Folder = {
  /** Absolute path. */
  directory: string;
  /** Names of files and of links to files, in no order. */
  files: string[];
  /** Names of folders, in no order. */
  folders: string[];
};

/**
 * Reads the names in a migrations directory; dot files and what `ignorePattern` matches as a whole are left out.
 *
 * @throws the error of the file system, and a SyntaxError for a pattern that is not a regular expression.
 */
export async function readFolder(directory: string, ignorePattern: string | undefined): Promise<Folder> {
  const ignored = ignorePattern ? new RegExp(`^${ignorePattern}$`) : undefined;
  const entries = await readdir(`${directory}/`, { withFileTypes: true });
  const seen = entries.filter(({ name }) => !name.startsWith('.') && ignored?.test(name) !== true);
  return {
    directory,
    files: seen.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map(({ name }) => name),
    folders: seen.filter((entry) => entry.isDirectory()).map(({ name }) => name),
  };
}

/** The names of a folder's SQL files. */
export function sqlFiles({ files }: Pick<Folder, 'files'>): string[] {
  return files.filter((name) => /\.sql$/i.test(name));
}

/** The names of a folder's JavaScript and TypeScript files, without type declarations. */
export function codeFiles({ files }: Pick<Folder, 'files'>): string[] {
  return files.filter((name) => /\.[cm]?[jt]s$/i.test(name) && !/\.d\.[cm]?ts$/i.test(name));
}

/** The text of a file below a folder; `undefined` when there is none. */
export async function readIfThere(...path: string[]): Promise<string | undefined> {
  try {
    return await readFile(join(...path), 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** The error for a directory whose migrations cannot be told. */
export function unreadableFolder(
  directory: string,
  reason: string,
  suggestions: string[],
  problems: string[] = [],
): TenantsError {
  return new TenantsError('MIGRATIONS_UNREADABLE', `The migrations in ${directory} cannot be read: ${reason}`, {
    suggestions,
    ...(problems.length > 0 ? { problems } : {}),
  });
}
