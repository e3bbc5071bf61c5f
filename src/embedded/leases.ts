import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { identifyProcess } from './process-identity.js';
import { leaveNote, readNote } from './process-record.js';

/** Notes that this process uses the server and returns the file that says so, `<folder>/<pid>-<random>`. */
export async function takeLease(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${process.pid}-${randomBytes(4).toString('hex')}`);
  await leaveNote(file);
  return file;
}

/** How many leases belong to living processes; files of dead ones are removed. Call it inside the lock. */
export async function countLeases(folder: string): Promise<number> {
  let alive = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    if (await isAlive(Number.parseInt(name, 10), join(folder, name))) alive += 1;
    else await rm(join(folder, name), { force: true });
  }
  return alive;
}

/** Of a file that another user keeps to himself, the number in its name has to do. */
async function isAlive(pid: number, file: string): Promise<boolean> {
  return (await readNote(file))?.alive ?? (await identifyProcess(pid)) !== undefined;
}
