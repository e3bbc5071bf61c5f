import { randomUUID } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';

import { identifyProcess, isSameProcess } from './process-identity.js';

type Content = { pid: number; identity: string; inode: string; token: string };

/**
 * Writes a file that stands for this process; false when the path is taken.
 *
 * It names its own inode, so that the copy of a project does not take over the notes that came along.
 */
export async function leaveNote(path: string): Promise<boolean> {
  const file = await open(path, 'wx', 0o644).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  if (file === undefined) return false;
  try {
    const identity = (await identifyProcess(process.pid)) ?? '';
    const inode = String((await file.stat({ bigint: true })).ino);
    await file.writeFile(JSON.stringify({ pid: process.pid, identity, inode, token: randomUUID() } satisfies Content));
    return true;
  } finally {
    await file.close();
  }
}

/**
 * Whether the process that left the note lives, and a text that no other note shares; `undefined` when the file is gone,
 * not filled yet, or not ours to read.
 */
export async function readNote(path: string): Promise<{ alive: boolean; token: string } | undefined> {
  try {
    const { pid, identity, inode, token } = JSON.parse(await readFile(path, 'utf8')) as Content;
    const isOriginal = String((await stat(path, { bigint: true })).ino) === inode;
    return { alive: isOriginal && (await isSameProcess(pid, identity)), token };
  } catch {
    return undefined;
  }
}
