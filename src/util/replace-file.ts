import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writes a file that appears whole or not at all: who reads it sees the old text or the new one, whatever happens in between.
 *
 * @param mode its permissions. Default: its owner's alone, because messages of a database contain values.
 */
export async function replaceFile(path: string, text: string, mode = 0o600): Promise<void> {
  const work = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(work, 'wx', 0o600);
    try {
      if (mode !== 0o600) await handle.chmod(mode);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(work, path);
  } catch (error) {
    await rm(work, { force: true }).catch(() => {});
    throw error;
  }
}
