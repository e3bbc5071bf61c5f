import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { Client, type QueryResultRow } from 'pg';
import { inject } from 'vitest';

import { startEmbedded } from '../../src/embedded/start.js';
import { REPOSITORY } from './build.js';

/** Runs one statement on a connection of its own. */
export async function askServer(url: string, sql: string): Promise<QueryResultRow[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<QueryResultRow>(sql)).rows;
  } finally {
    await client.end();
  }
}

/**
 * Gives a project the embedded server's state as its first start leaves it, password and data: to copy them takes a tenth of
 * the time.
 */
export async function copyEmbeddedState(root: string): Promise<void> {
  const made = join(inject('scratch'), 'embedded');
  if (!existsSync(made)) await makeEmbeddedState(made);
  await promisify(execFile)('cp', ['-a', join(made, '.tenants'), root]);
}

async function makeEmbeddedState(place: string): Promise<void> {
  const root = await mkdtemp(join(inject('scratch'), 'embedded-'));
  // A root user's server runs under another account, which has to get in.
  await chmod(root, 0o755);
  const server = await startEmbedded({ root, settings: { fsync: 'off', shared_buffers: '16MB' } });
  await server.stop();
  // Another test process may have been faster.
  await rename(root, place).catch((error: unknown) => {
    if (!existsSync(place)) throw error;
  });
}

/** Process id of the server whose data lie in the project, or in `data`. */
export async function postmasterPid(root: string, data = join(root, '.tenants', 'postgres')): Promise<number> {
  return Number.parseInt(await readFile(join(data, 'postmaster.pid'), 'utf8'), 10);
}

/** Another process that uses the embedded server of a project until it is told to finish. */
export type ServerUser = {
  port: number;
  /** Lets it stop its server and returns its exit code. */
  finish(): Promise<number | null>;
  kill(): Promise<void>;
};

/** Starts (or joins) the embedded server of `root` in a process of its own, as another user if asked. */
export async function startInProcess(root: string, account?: { uid: number; gid: number }): Promise<ServerUser> {
  const entry = pathToFileURL(join(REPOSITORY, 'dist', 'embedded', 'start.js')).href;
  const program = `
    const { startEmbedded } = await import(${JSON.stringify(entry)});
    const server = await startEmbedded({ root: ${JSON.stringify(root)}, settings: { fsync: 'off', shared_buffers: '16MB' } });
    console.log(server.config.port);
    for await (const _ of process.stdin);
    await server.stop();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
    ...account,
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => void (complaint += chunk.toString()));
  const closed = once(child, 'close').then(([code]) => code as number | null);
  for await (const line of createInterface(child.stdout)) {
    return {
      port: Number(line),
      finish: () => {
        child.stdin.end();
        return closed;
      },
      kill: async () => {
        child.kill('SIGKILL');
        await closed;
      },
    };
  }
  throw new Error(`The process ended before its server ran:\n${complaint}`);
}
