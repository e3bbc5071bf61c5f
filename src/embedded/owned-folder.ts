import { lstat, mkdir } from 'node:fs/promises';

import { embeddedFailed } from './failure.js';

/**
 * Makes sure that `path` is a real folder which belongs to `uid` and which nobody else can write to; it is created, open
 * for reading, when missing. The check matters where others may have put something under a name they could guess.
 *
 * `uid` is `undefined` where the system has no user numbers.
 */
export async function ownedFolder(path: string, uid: number | undefined): Promise<string> {
  await mkdir(path, { mode: 0o755 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(path);
  const trusted = uid === undefined || (found.uid === uid && (found.mode & 0o022) === 0);
  if (found.isDirectory() && trusted) return path;
  throw embeddedFailed(`${path} is not a folder that only user ${uid ?? ''} can write to, so it is not used.`, {
    suggestions: [`See who made ${path}, then remove it.`],
  });
}

/** The file or folder does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
