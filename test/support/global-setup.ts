import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { escapeIdentifier, escapeLiteral } from 'pg';
import type { TestProject } from 'vitest/node';

import { startEmbedded } from '../../src/embedded/start.js';
import { urlOfDatabase, withAdmin } from './admin.js';
import { ensureBuilt } from './build.js';
import { placeOfServer, sweepAbandoned, TEST_SERVER_PREFIX } from './sweep.js';

/** Nothing of a test server must outlive a crash of the machine. */
const FAST_SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '300',
  max_locks_per_transaction: '256',
  jit: 'off',
  // A backend that ends unmaps them: the fewer there are, the faster it ends.
  shared_buffers: '16MB',
  // With hundreds of databases, background processes take more time than the tests.
  autovacuum_naptime: '1h',
  bgwriter_lru_maxpages: '0',
  checkpoint_timeout: '1h',
  max_wal_size: '1GB',
  io_method: 'sync',
  // A password is worth nothing here, and thousands of connections check one.
  scram_iterations: '1',
};

/**
 * Before all tests: the build that command line tests run, and a server with a template database. The server is an
 * embedded one, or the one that TENANTS_TEST_DATABASE_URL names. Returns what takes it all away again.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await ensureBuilt();
  await sweepAbandoned();
  const scratch = await temporaryFolder();
  const external = process.env['TENANTS_TEST_DATABASE_URL'];
  const server = external === undefined ? await ownServer() : { url: external, close: async () => undefined };
  const prefix = `tt_${randomBytes(4).toString('hex')}_`;
  const template = `${prefix}template`;
  await withAdmin(server.url, (client) => client.query(`CREATE DATABASE ${escapeIdentifier(template)}`));
  // The first session leaves a cache behind, which goes along when the files of the template are copied.
  await withAdmin(urlOfDatabase(server.url, template), (client) => client.query('SELECT 1'));
  project.provide('adminUrl', server.url);
  project.provide('templateDatabase', template);
  project.provide('runPrefix', prefix);
  project.provide('scratch', scratch);
  project.provide('externalServer', external !== undefined);
  return async () => {
    if (external !== undefined) await dropDatabases(external, prefix);
    await server.close();
    await rm(scratch, { recursive: true, force: true });
  };
}

async function ownServer(): Promise<{ url: string; close: () => Promise<void> }> {
  const root = await temporaryFolder(await placeOfServer());
  const server = await startEmbedded({ root, settings: FAST_SETTINGS });
  // Hashed anew, with so few iterations.
  const password = escapeLiteral(decodeURIComponent(new URL(server.url).password));
  await withAdmin(server.url, (client) => client.query(`ALTER ROLE CURRENT_USER PASSWORD ${password}`));
  const close = async (): Promise<void> => {
    await server.stop();
    await rm(root, { recursive: true, force: true });
  };
  return { url: server.url, close };
}

async function temporaryFolder(parent = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(parent, `${TEST_SERVER_PREFIX}${process.pid}-`));
  // A root user's server runs under another account, which has to get in.
  await chmod(folder, 0o755);
  return folder;
}

/** Databases of failed tests carry a comment and stay. */
async function dropDatabases(url: string, prefix: string): Promise<void> {
  await withAdmin(url, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      `SELECT datname FROM pg_database
       WHERE starts_with(datname, $1) AND shobj_description(oid, 'pg_database') IS DISTINCT FROM 'kept'`,
      [prefix],
    );
    for (const { datname } of rows) await client.query(`DROP DATABASE ${escapeIdentifier(datname)} WITH (FORCE)`);
  });
}
