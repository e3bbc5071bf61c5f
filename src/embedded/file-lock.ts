import { rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { embeddedFailed } from './failure.js';
import { leaveNote, readNote } from './process-record.js';

/** How long a lock file may stay without readable content (ms): its writer died between creating and filling it. */
const UNREADABLE_FOR = 5_000;

/**
 * Runs `action` while no other process (and no other call of this one) is inside the same lock file.
 *
 * The lock of a dead process is taken over. Whoever wants to remove it needs a lock named after it first, so that two who
 * see the same dead holder cannot remove each other's new lock.
 *
 * @param timeoutMs how long to wait for a living holder before giving up with `EMBEDDED_FAILED`
 */
export async function withFileLock<T>(path: string, timeoutMs: number, action: () => Promise<T>): Promise<T> {
  await acquire(path, timeoutMs);
  try {
    return await action();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await leaveNote(path))) {
    const token = await tokenOfDeadHolder(path);
    if (token !== undefined) {
      await withFileLock(`${path}.${token}`, timeoutMs, async () => {
        if ((await tokenOfDeadHolder(path)) === token) await rm(path, { force: true });
      });
    } else if (Date.now() > deadline) {
      throw embeddedFailed(`Another command has been starting or stopping the embedded PostgreSQL for too long.`, {
        suggestions: [`If no other command is running, delete ${path} and try again.`],
      });
    } else {
      await sleep(25 + Math.random() * 50);
    }
  }
}

/** The token of the lock at `path` when its holder is dead; `undefined` when it lives or the lock is gone. */
async function tokenOfDeadHolder(path: string): Promise<string | undefined> {
  const holder = await readNote(path);
  if (holder !== undefined) return holder.alive ? undefined : holder.token;
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > UNREADABLE_FOR ? `unreadable-${found.ino}` : undefined;
}
