import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { accountForRoot, type Account } from './account.js';
import { embeddedFailed } from './failure.js';
import type { HostEnvironment } from './host-environment.js';
import { isMissing, ownedFolder } from './owned-folder.js';
import { runProgram } from './run-program.js';

/** Where everything of one project's embedded server lies. */
export type Home = {
  /** `<root>/.tenants`: password, log, lock, leases, and the data where the server can reach it. */
  state: string;
  /** The data directory; it exists only when it is complete. Its parent takes work folders beside it. */
  data: string;
  /** Who runs the server in place of root; `undefined`: we do. */
  account: Account | undefined;
  /** Folder for a copy of the binaries, made on demand. */
  cache: () => Promise<string>;
};

/**
 * Decides where the data lie and who runs the server, and creates `.tenants/`.
 *
 * An ordinary user's data lie in the project. Root's belong to an unprivileged account; when that account cannot enter
 * the project, they lie in a system place, and `.tenants/location.json` points there.
 */
export async function findHome(root: string, surroundings: HostEnvironment): Promise<Home> {
  const isRoot = surroundings.uid === 0;
  const state = await stateFolder(await realpath(root), isRoot ? 0o755 : 0o700);
  const data = join(state, 'postgres');
  if (!isRoot) return { state, data, account: undefined, cache: () => privateFolder(join(state, 'binaries')) };

  const cache = async (): Promise<string> => ownedFolder(join(await systemPlace(surroundings), 'binaries'), 0);
  const elsewhere = await pointedTo(state);
  const existing = elsewhere ?? data;
  const owner = await ownerOf(existing);
  if (owner !== undefined) {
    if (await canEnter(existing, owner)) return { state, data: existing, account: owner, cache };
    throw embeddedFailed(`The data in ${existing} belong to user ${owner.uid}, who cannot enter that folder.`, {
      suggestions: [`Let that user access ${existing}, or delete ${state} to start over.`],
    });
  }
  const account = await accountForRoot(surroundings);
  if (await canEnter(state, account)) return { state, data, account, cache };
  return { state, data: elsewhere ?? (await placeElsewhere(state, surroundings)), account, cache };
}

async function stateFolder(root: string, mode: number): Promise<string> {
  const state = join(root, '.tenants');
  try {
    await mkdir(state);
    await chmod(state, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  await writeFile(join(state, '.gitignore'), '*\n', { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return state;
}

async function privateFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}

/** Who owns existing data; whoever began, goes on. Root's own are none: the server could not open them. */
async function ownerOf(data: string): Promise<Account | undefined> {
  const found = await stat(data).catch(() => undefined);
  return found === undefined || found.uid === 0 ? undefined : { name: '', uid: found.uid, gid: found.gid };
}

/** Asked of the system, as the account itself: modes, access lists and mount options all have a say. */
async function canEnter(folder: string, account: Account): Promise<boolean> {
  const { code } = await runProgram('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], account);
  return code === 0;
}

type Location = { root: string; data: string };

/**
 * The data directory that `.tenants/location.json` names. A copied project must not share the data of the original: the
 * pointer does not count while the project it was written for still has it.
 */
async function pointedTo(state: string): Promise<string | undefined> {
  const text = await readFile(join(state, 'location.json'), 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const { root, data } = JSON.parse(text) as Location;
  if (root !== dirname(state) && (await exists(join(root, '.tenants', 'location.json')))) return undefined;
  if (!(await exists(dirname(data)))) return undefined;
  await ownedFolder(dirname(data), 0);
  return data;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** A name of its own each time: a project that takes the place of one that was moved must not get that one's data. */
async function placeElsewhere(state: string, surroundings: HostEnvironment): Promise<string> {
  const root = dirname(state);
  const hash = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const projects = await ownedFolder(join(await systemPlace(surroundings), 'projects'), 0);
  const folder = await mkdtemp(join(projects, `${hash}-`));
  await chmod(folder, 0o755);
  const data = join(folder, 'postgres');
  await writeFile(join(state, 'location.json'), `${JSON.stringify({ root, data } satisfies Location, null, 2)}\n`);
  return data;
}

async function systemPlace(surroundings: HostEnvironment): Promise<string> {
  let last: unknown;
  for (const place of surroundings.systemPlaces) {
    try {
      await mkdir(dirname(place), { recursive: true });
      return await ownedFolder(place, 0);
    } catch (error) {
      last = error;
    }
  }
  throw embeddedFailed(`None of ${surroundings.systemPlaces.join(', ')} can hold what the server must reach.`, {
    cause: last,
  });
}
