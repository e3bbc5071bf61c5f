import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Client, type ClientConfig } from 'pg';
import { inject } from 'vitest';

import type { TestDatabase } from './database.js';
import { freePort } from './free-port.js';

/** Where Debian and Ubuntu put a version of PostgreSQL, newest first. */
const FOLDERS = [18, 17, 16, 15, 14, 13].map((major) => `/usr/lib/postgresql/${major}/bin`);

/** A server of the operating system's own PostgreSQL, with the `pg_dump` that fits it. */
export type DebianPostgres = {
  url: string;
  config: ClientConfig;
  /** Folder of `pg_dump`. */
  bin: string;
  /** The data directory; it belongs to the account that runs the server. */
  data: string;
  /**
   * Starts a copy of it, as it is now, that is in recovery until it is promoted.
   *
   * @param via another way to this server, a proxy for instance, by which the copy follows it
   */
  startStandby(via?: ClientConfig): Promise<DebianPostgres>;
  /** Ends it at once, as a crash does. */
  crash(): Promise<void>;
  stop(): Promise<void>;
};

/** Folder of an installed PostgreSQL that can run a server and dump it, or `undefined`: the tests that need it are skipped. */
export function findPostgres(): string | undefined {
  const needed = ['initdb', 'postgres', 'pg_dump', 'pg_basebackup'];
  return FOLDERS.find((folder) => needed.every((program) => existsSync(join(folder, program))));
}

/** Starts a server of its own on a free port; it listens on 127.0.0.1 only. */
export async function startPostgres(bin: string, settings: Record<string, string> = {}): Promise<DebianPostgres> {
  const { data, options } = await emptyFolder();
  await promisify(execFile)('cp', ['-a', `${await (prepared ??= prepare(bin))}/.`, data], options);
  return await run(bin, data, settings);
}

/** A data directory that no server has run on: to copy it is faster than to make another. */
let prepared: Promise<string> | undefined;

async function prepare(bin: string): Promise<string> {
  const place = join(inject('scratch'), 'debian-data');
  if (existsSync(place)) return place;
  const { data, options } = await emptyFolder(inject('scratch'));
  const init = ['-D', data, '-U', 'admin', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  await promisify(execFile)(join(bin, 'initdb'), init, options);
  // Another test process may have been faster.
  return await rename(data, place).then(
    () => place,
    () => data,
  );
}

/** A copy that is made while the server runs; it finds its own way to a consistent state. */
async function startStandby(bin: string, { port }: ClientConfig): Promise<DebianPostgres> {
  const { data, options } = await emptyFolder();
  const copy = ['-h', '127.0.0.1', '-p', String(port), '-U', 'admin', '-D', data, '-c', 'fast', '-R', '--no-sync'];
  await promisify(execFile)(join(bin, 'pg_basebackup'), copy, options);
  return await run(bin, data, {});
}

async function emptyFolder(parent = tmpdir()) {
  const data = await mkdtemp(join(parent, 'pg-tenants-debian-'));
  await chmod(data, 0o700);
  const options = await accountOptions();
  if ('uid' in options) await chown(data, Number(options.uid), Number(options.gid));
  return { data, options };
}

async function accountOptions() {
  return { cwd: '/', env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' }, ...(await unprivileged()) };
}

async function run(bin: string, data: string, wanted: Record<string, string>): Promise<DebianPostgres> {
  const options = await accountOptions();
  const port = await freePort();
  const settings = {
    fsync: 'off',
    full_page_writes: 'off',
    shared_buffers: '16MB',
    autovacuum_naptime: '1h',
    ...wanted,
    port: String(port),
    listen_addresses: '127.0.0.1',
  };
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-k', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...options, stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGINT');
    await ended;
    await rm(data, { recursive: true, force: true });
  };
  const config = { host: '127.0.0.1', port, user: 'admin', database: 'postgres' };
  try {
    await untilReady(config, () => child.exitCode !== null);
  } catch (error) {
    await stop();
    throw error;
  }
  const url = `postgres://admin@127.0.0.1:${port}/postgres`;
  const crash = async (): Promise<void> => {
    child.kill('SIGQUIT');
    await ended;
  };
  return { url, config, bin, data, startStandby: (via = config) => startStandby(bin, via), crash, stop };
}

/** The server's own database, as the support of a fleet takes one. It stays when the test is done. */
export function asDatabase({ url, config }: DebianPostgres, client: Client): TestDatabase {
  const query: TestDatabase['query'] = (sql, values) => client.query(sql, values);
  return { url, config, name: 'postgres', client: () => Promise.resolve(client), query, drop: () => Promise.resolve() };
}

async function untilReady(config: ClientConfig, hasEnded: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !hasEnded(); tries += 1) {
    const client = new Client(config);
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error('The server of the operating system did not start.');
}

/** PostgreSQL does not run as root. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const passwd = await readFile('/etc/passwd', 'utf8');
  const fields = /^(?:postgres|nobody):[^:]*:(\d+):(\d+):/m.exec(passwd);
  if (fields === null) throw new Error('There is no account that could run PostgreSQL in place of root.');
  return { uid: Number(fields[1]), gid: Number(fields[2]) };
}
