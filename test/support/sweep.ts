import { existsSync } from 'node:fs';
import { access, constants, readdir, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { identifyProcess } from '../../src/embedded/process-identity.js';
import { startEmbedded } from '../../src/embedded/start.js';

/** Begins the name of a test server's folder; the process id of its test run follows. */
export const TEST_SERVER_PREFIX = 'pg-tenants-test-';

/** A file system in memory, where Linux has one. */
const IN_MEMORY = '/dev/shm';

/** Bytes that must be free there: containers often have 64 MB. */
const ENOUGH = 4 * 1024 ** 3;

/** Where the folder of the test server belongs: in memory, where thousands of files come and go faster than on a disk. */
export async function placeOfServer(): Promise<string> {
  try {
    await access(IN_MEMORY, constants.W_OK);
    const { bavail, bsize } = await statfs(IN_MEMORY);
    return bavail * bsize >= ENOUGH ? IN_MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** Ends the servers of test runs that were killed before they could, and removes their folders. */
export async function sweepAbandoned(): Promise<void> {
  for (const place of new Set([tmpdir(), IN_MEMORY])) await sweep(place);
}

async function sweep(place: string): Promise<void> {
  for (const name of await readdir(place).catch(() => [])) {
    const pid = new RegExp(`^${TEST_SERVER_PREFIX}(\\d+)-`).exec(name)?.[1];
    const root = join(place, name);
    if (pid === undefined || (await identifyProcess(Number(pid))) !== undefined || !(await isOurs(root))) continue;
    if (existsSync(join(root, '.tenants'))) {
      await startEmbedded({ root })
        .then((server) => server.stop())
        .catch(() => undefined);
    }
    await rm(root, { recursive: true, force: true });
  }
}

async function isOurs(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.uid === process.getuid?.();
}
