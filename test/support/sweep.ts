import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { identifyProcess } from '../../src/embedded/process-identity.js';
import { startEmbedded } from '../../src/embedded/start.js';

/** Begins the name of a test server's folder; the process id of its test run follows. */
export const TEST_SERVER_PREFIX = 'pg-tenants-test-';

/** Ends the servers of test runs that were killed before they could, and removes their folders. */
export async function sweepAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${TEST_SERVER_PREFIX}(\\d+)-`).exec(name)?.[1];
    const root = join(tmpdir(), name);
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
