import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { totalmem, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { startEmbedded } from '../src/embedded/start.js';
import { urlOfDatabase, withAdmin } from '../test/support/admin.js';
import { withClient } from './database.js';
import { interruption } from './interruption.js';
import type { Options } from './options.js';

/** The server that everything is measured on. */
export type BenchServer = { embedded: boolean; url: string };

/** Settings of the embedded server; it is as durable as one in production. */
const SETTINGS: Record<string, string> = {
  max_locks_per_transaction: '1024',
  max_wal_size: '8GB',
  shared_buffers: `${Math.min(1024, Math.floor(totalmem() / 2 ** 22))}MB`,
};

const STATEMENTS: Record<string, string> = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.max': '50000',
  'pg_stat_statements.track_planning': 'on',
};

/** Lends the given server, or an embedded one in a folder of its own that is removed afterwards. */
export async function withServer<T>(options: Options, use: (server: BenchServer) => Promise<T>): Promise<T> {
  if (options.database !== undefined) return await use({ embedded: false, url: options.database });
  const root = await mkdtemp(path.join(tmpdir(), `tenants-bench-${process.pid}-`));
  try {
    // A root user's server runs under another account, which has to get in: its data would lie elsewhere otherwise.
    await chmod(root, 0o755);
    const settings = options.serverProfile ? { ...SETTINGS, ...STATEMENTS } : SETTINGS;
    const server = await startEmbedded({ root, settings });
    try {
      interruption.throwIfAborted();
      return await use({ embedded: true, url: server.url });
    } finally {
      await server.stop();
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/**
 * Does what is not measured without waiting for the disk, where the server is ours: a checkpoint after a thousand tables were
 * made waits for thousands of files otherwise. Whoever is measured afterwards meets a durable server that owes nothing.
 */
export async function withoutSync<T>({ url, embedded }: BenchServer, work: () => Promise<T>): Promise<T> {
  if (!embedded) return await work();
  await setSync(url, 'off');
  const result = await work();
  await withClient(url, (client) => client.query('CHECKPOINT'));
  await setSync(url, 'on');
  return result;
}

async function setSync(url: string, value: 'on' | 'off'): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`ALTER SYSTEM SET fsync = ${value}`);
    await client.query('SELECT pg_reload_conf()');
  });
  // A session that begins later has the new value; so has the checkpointer a moment after it was told.
  while ((await readFsync(url)) !== value) await sleep(10);
  await sleep(100);
}

async function readFsync(url: string): Promise<string | undefined> {
  return await withClient(url, async (client) => (await client.query<{ fsync: string }>('SHOW fsync')).rows[0]?.fsync);
}

let made = 0;

/** Lends a database that is dropped afterwards, with whoever is still connected to it. */
export async function withDatabase<T>(
  server: BenchServer,
  template: string | undefined,
  use: (url: string, name: string) => Promise<T>,
): Promise<T> {
  const name = nextName();
  try {
    return await use(await createDatabase(server, name, template), name);
  } finally {
    await dropDatabase(server, name);
  }
}

/**
 * Lends as many copies of a database as are asked for. They are dropped at the end: a file system may be slow for a while
 * after many files were removed, and whoever is measured next would pay for it.
 */
export async function withCopies<T>(
  server: BenchServer,
  template: string,
  use: (copy: () => Promise<string>) => Promise<T>,
): Promise<T> {
  const names: string[] = [];
  try {
    return await use(() => {
      const name = nextName();
      names.push(name);
      return createDatabase(server, name, template);
    });
  } finally {
    for (const name of names) await dropDatabase(server, name);
  }
}

function nextName(): string {
  made += 1;
  return `tenants_bench_${process.pid}_${made}`;
}

async function createDatabase(server: BenchServer, name: string, template: string | undefined): Promise<string> {
  const { url } = server;
  await withoutSync(server, () =>
    withClient(url, async (client) => {
      await client.query(`CREATE DATABASE ${name}${template === undefined ? '' : ` TEMPLATE ${template}`}`);
    }),
  );
  return urlOfDatabase(url, name);
}

/** On the embedded server nothing is dropped after an interruption: all of it goes with the server's folder. */
async function dropDatabase(server: BenchServer, name: string): Promise<void> {
  const drop = (): Promise<unknown> =>
    withAdmin(server.url, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  if (!server.embedded) await drop();
  else if (!interruption.aborted) await withoutSync(server, drop);
}
