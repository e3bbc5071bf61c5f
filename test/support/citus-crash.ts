import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import type { CitusDatabase } from './citus.js';

const run = promisify(execFile);

/** Shell command that starts every node of the cluster that does not run; without it no node is killed. */
export const CITUS_START = process.env['TENANTS_TEST_CITUS_START'] ?? '';

/** Kills a server with all its processes, as a crash does. The cluster must run on this machine. */
export async function crash(dataDirectory: string): Promise<void> {
  const postmaster = Number((await readFile(`${dataDirectory}/postmaster.pid`, 'utf8')).split('\n')[0]);
  const { stdout } = await run('ps', ['-o', 'pid=', '--ppid', String(postmaster)]);
  const children = stdout
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0);
  for (const pid of [postmaster, ...children]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

/** Starts what does not run, and waits until every node answers. */
export async function startNodes(database: CitusDatabase): Promise<void> {
  for (let round = 0; ; round += 1) {
    try {
      await run('sh', ['-c', CITUS_START]);
      await database.query('SELECT 1');
      for (const node of database.workers) await database.on(node, 'SELECT 1');
      return;
    } catch (error) {
      if (round === 60) throw error;
      await sleep(300);
    }
  }
}
