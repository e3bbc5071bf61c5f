import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Account } from './account.js';
import { embeddedFailed } from './failure.js';
import { commandLineOf, identifyProcess, isSameProcess } from './process-identity.js';
import { runProgram } from './run-program.js';

/** A server's main process. */
export type Postmaster = { pid: number; identity: string; port: number };

/** ms for a fast shutdown, which ends all sessions and writes a checkpoint, before it is forced. */
const FAST_SHUTDOWN = 30_000;
const IMMEDIATE_SHUTDOWN = 5_000;

/**
 * The living server of a data directory according to its `postmaster.pid` (pid, data directory, start time, port, … one a
 * line), or `undefined`. A file that a dead server left is made harmless.
 */
export async function findPostmaster(data: string): Promise<Postmaster | undefined> {
  const content = await readFile(pidFile(data), 'utf8').catch(() => undefined);
  if (content === undefined) return undefined;
  const lines = content.split('\n');
  const pid = Number(lines[0]);
  const identity = await identifyProcess(pid);
  if (identity !== undefined && (await isPostmasterOf(pid, data))) return { pid, identity, port: Number(lines[3]) };
  await disarm(data, lines);
  return undefined;
}

/**
 * Ends a server: fast shutdown (SIGINT), after 30 s immediate (SIGQUIT), after another 5 s SIGKILL. Resolves when the
 * process is gone.
 */
export async function stopPostmaster(
  server: Postmaster,
  data: string,
  pgCtl: string,
  account: Account | undefined,
): Promise<void> {
  if (process.platform === 'win32') {
    await runProgram(pgCtl, ['stop', '--pgdata', data, '--mode=fast', '--timeout=30'], account);
  }
  for (const [signal, patience] of [
    ['SIGINT', FAST_SHUTDOWN],
    ['SIGQUIT', IMMEDIATE_SHUTDOWN],
    ['SIGKILL', IMMEDIATE_SHUTDOWN],
  ] as const) {
    if (!(await isSameProcess(server.pid, server.identity))) return;
    send(server.pid, signal);
    if (await hasEnded(server, patience)) return;
  }
  throw embeddedFailed(`The embedded PostgreSQL (process ${server.pid}) does not end.`);
}

function pidFile(data: string): string {
  return join(data, 'postmaster.pid');
}

/** The number may belong to something else by now. Where the system tells no command line, the number has to do. */
async function isPostmasterOf(pid: number, data: string): Promise<boolean> {
  const command = await commandLineOf(pid);
  return command === '' || (command.includes('postgres') && command.includes(data));
}

/**
 * PostgreSQL refuses to start while the number in the file belongs to any process of its user, whatever that is. A number
 * that no process can have lifts this, and keeps the rest of the file: by the shared memory it names, a new server sees
 * that children of the dead one are still at work.
 */
async function disarm(data: string, lines: string[]): Promise<void> {
  await writeFile(pidFile(data), ['2147483647', ...lines.slice(1)].join('\n'), { flag: 'r+' }).catch(() => undefined);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function hasEnded(server: Postmaster, patience: number): Promise<boolean> {
  const deadline = Date.now() + patience;
  while (Date.now() < deadline) {
    if (!(await isSameProcess(server.pid, server.identity))) return true;
    await sleep(20);
  }
  return false;
}
