import { spawn } from 'node:child_process';
import { type FileHandle, open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { awaitAnswer, type Login } from './connection.js';
import { embeddedFailed } from './failure.js';
import type { Home } from './home.js';
import { stopPostmaster, type Postmaster } from './postmaster.js';
import type { Binaries } from './prepare-binaries.js';
import { identifyProcess, isSameProcess } from './process-identity.js';
import { spawnOptions } from './run-program.js';
import { logSince } from './server-log.js';

/** ms until a server must answer; recovery after a crash is part of it. */
export const START_TIMEOUT = 60_000;

/** Another program may take the port between our looking for one and the server's binding it. */
const PORT_ATTEMPTS = 5;

/** Bytes. */
const LARGE_LOG = 16 * 1024 * 1024;

/** What suits a fleet of schemas on a developer's machine; the caller's settings win. */
const SETTINGS: Record<string, string> = { max_connections: '200', max_locks_per_transaction: '256' };

/** What no setting may change: only this machine gets in, and only with the password. */
const FIXED: Record<string, string> = { listen_addresses: '127.0.0.1', unix_socket_directories: '' };

/**
 * Starts the server of `home` on a port of 127.0.0.1, the one that it had before if that is free, and waits until it accepts the password.
 *
 * @throws `EMBEDDED_FAILED` with the server's last log lines
 */
export async function launch(
  home: Home,
  binaries: Binaries,
  login: Login,
  settings: Record<string, string>,
): Promise<Postmaster> {
  let lines: string[] = [];
  for (let attempt = 1; attempt <= PORT_ATTEMPTS; attempt += 1) {
    const port = await choosePort(attempt === 1 ? await lastPort(home) : undefined);
    const outcome = await launchOnce(home, binaries, login, settings, port);
    if ('pid' in outcome) {
      await writeFile(portFile(home), `${port}\n`);
      return outcome;
    }
    lines = outcome.lines;
    const busy = lines.some((line) =>
      /could not (bind|create any TCP\/IP sockets)|shared memory block .* in use/.test(line),
    );
    if (!busy) break;
    await sleep(200);
  }
  throw embeddedFailed('The embedded PostgreSQL did not start.', {
    log: lines,
    suggestions: [`The whole log is in ${logFile(home)}.`],
  });
}

/** The log of all starts; it lies beside the data's pointer, in the project. */
export function logFile(home: Home): string {
  return join(home.state, 'postgres.log');
}

async function launchOnce(
  home: Home,
  binaries: Binaries,
  login: Login,
  settings: Record<string, string>,
  port: number,
): Promise<Postmaster | { lines: string[] }> {
  const log = await openLog(home);
  try {
    const { size } = await log.stat();
    const child = spawn(binaries.postgres, serverArguments(home.data, port, settings), {
      ...spawnOptions(binaries.postgres, home.account),
      stdio: ['ignore', log.fd, log.fd],
    });
    const failure = new Promise<Error | undefined>((resolve) => {
      child.once('error', resolve);
      child.once('spawn', () => resolve(undefined));
    });
    child.unref();
    const error = await failure;
    if (error !== undefined || child.pid === undefined) return { lines: [error?.message ?? 'no process'] };
    const identity = await identifyProcess(child.pid);
    if (identity === undefined) return { lines: await logSince(logFile(home), size) };
    const server = { pid: child.pid, identity, port };
    if (await answers(server, login, home.data)) return server;
    await stopPostmaster(server, home.data, binaries.pgCtl, home.account);
    return { lines: await logSince(logFile(home), size) };
  } finally {
    await log.close();
  }
}

/** Appends; a log that has grown large makes room and stays once more under another name. */
async function openLog(home: Home): Promise<FileHandle> {
  const found = await stat(logFile(home)).catch(() => undefined);
  if (found !== undefined && found.size > LARGE_LOG) await rename(logFile(home), `${logFile(home)}.old`);
  return open(logFile(home), 'a', 0o600);
}

/** The port that the server had last, `undefined` before its first start: a URL in a `.env` should stay true. */
export async function lastPort(home: Home): Promise<number | undefined> {
  const text = await readFile(portFile(home), 'utf8').catch(() => '');
  const port = Number(text.trim());
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

function portFile(home: Home): string {
  return join(home.state, 'port');
}

/** The wanted port where it is free, otherwise any other. */
function choosePort(wanted: number | undefined): Promise<number> {
  return wanted === undefined ? freePort(0) : freePort(wanted).catch(() => freePort(0));
}

function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function serverArguments(data: string, port: number, settings: Record<string, string>): string[] {
  const all = Object.entries({ ...SETTINGS, ...settings, ...FIXED, port: String(port) });
  return ['-D', data, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/**
 * Polls until the server accepts the password; false when it ends before. A port that keeps refusing while our process
 * lives is ours, and the password is wrong.
 */
async function answers(server: Postmaster, login: Login, data: string): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT;
  const answer = awaitAnswer(login, data);
  while (Date.now() < deadline && (await isSameProcess(server.pid, server.identity))) {
    const found = await answer(server.port);
    if (found !== 'waiting') return found === 'ours';
    await sleep(30);
  }
  return false;
}
