import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { totalmem, tmpdir } from 'node:os';
import path from 'node:path';

import { startEmbedded } from '../src/embedded/index.js';
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

async function createDatabase({ url }: BenchServer, name: string, template: string | undefined): Promise<string> {
  await withClient(url, async (client) => {
    await client.query(`CREATE DATABASE ${name}${template === undefined ? '' : ` TEMPLATE ${template}`}`);
    await client.query('CHECKPOINT');
  });
  return urlOfDatabase(url, name);
}

/** On the embedded server nothing is dropped after an interruption: all of it goes with the server's folder. */
async function dropDatabase({ url, embedded }: BenchServer, name: string): Promise<void> {
  if (embedded && interruption.aborted) return;
  await withAdmin(url, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
}
