import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { Client, type ClientConfig } from 'pg';

import { freePort } from './free-port.js';
import { createProject } from './project.js';

/** PgBouncer is installed on this machine. */
export const hasPgBouncer = spawnSync('pgbouncer', ['--version']).status === 0;

export type PgBouncer = {
  url: string;
  config: ClientConfig;
  /** Ends it as it is, in the middle of everything, and starts it again on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Starts a PgBouncer in front of a database, in transaction mode unless `mode` says otherwise.
 *
 * @param options.size server connections that it has at most
 * @param options.settings further lines of its configuration
 */
export async function startPgBouncer(
  target: ClientConfig,
  options: { size: number; mode?: 'transaction' | 'session' | 'statement'; settings?: string[] },
): Promise<PgBouncer> {
  const { size, mode = 'transaction', settings = ['ignore_startup_parameters = extra_float_digits'] } = options;
  const port = await freePort();
  const folder = await createProject({
    'pgbouncer.ini': `[databases]
* = host=127.0.0.1 port=${String(target.port)} user=${String(target.user)} password=${String(target.password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = ${size}
max_client_conn = 500
server_login_retry = 1
${settings.join('\n')}
`,
  });
  const url = `postgres://anybody@127.0.0.1:${port}/${String(target.database)}`;
  let running = await start(folder.path('pgbouncer.ini'), url);
  const end = async (): Promise<void> => {
    if (running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGKILL');
    await ended;
  };
  return {
    url,
    config: { host: '127.0.0.1', port, user: 'anybody', database: String(target.database) },
    restart: async () => {
      await end();
      running = await start(folder.path('pgbouncer.ini'), url);
    },
    stop: async () => {
      await end();
      await folder.remove();
    },
  };
}

async function start(file: string, url: string): Promise<ChildProcess> {
  // It refuses to run as root.
  const account = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const child = spawn('pgbouncer', ['-q', file], { stdio: 'ignore', cwd: join(file, '..'), ...account });
  for (let attempt = 0; ; attempt += 1) {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      await client.end();
      return child;
    } catch (error) {
      if (attempt === 100 || child.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
