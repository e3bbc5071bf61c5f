import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

import { findConfig } from '../../config/find.js';

/** What a shell completes with values from the project. */
export const NAME_KINDS = ['tenants', 'domains', 'migrations'] as const;
export type NameKind = (typeof NAME_KINDS)[number];
export type Names = Record<NameKind, string[]>;

type Surroundings = { cwd: string; env: Record<string, string | undefined> };

/** ms after which kept names are looked up again, in the background; until that is done the old ones are given. */
const FRESH_MS = 10_000;
/** ms in which no second look-up begins. */
const REFRESH_MS = 5000;
/** Most names of a kind that are kept: a shell shows no more, and a name begins with what was typed. */
const MOST = 5000;

/**
 * The names to complete with, one a line, at once: what the last look-up found. A shell waits for this, so it neither loads the
 * project nor asks the database; `refresh` starts another process for that when the names are old.
 *
 * A look-up runs the configuration file. Tab must not run code of a folder whose files nobody has trusted yet, so there is
 * none in a project in which no command was run before.
 */
export async function keptNames(kind: NameKind, surroundings: Surroundings, refresh: () => void): Promise<string[]> {
  const file = await cacheFile(surroundings);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return [];
  if (Date.now() - found.mtimeMs > FRESH_MS && (await mayRefresh(file))) refresh();
  const names = await readNames(file);
  return names[kind].filter((name) => !/\p{C}/u.test(name));
}

/** Notes that the user runs commands in this project, and so its configuration: from now on names can be looked up. */
export async function rememberProject(surroundings: Surroundings): Promise<void> {
  const file = await cacheFile(surroundings);
  await writeFile(file, '{}', { mode: 0o600, flag: 'wx' });
  await utimes(file, 0, 0);
}

/** Keeps the names that a look-up found; what it could not find out stays as it was. */
export async function keepNames(found: Partial<Names>, surroundings: Surroundings): Promise<void> {
  const file = await cacheFile(surroundings);
  const names = { ...(await readNames(file)), ...found };
  const kept = Object.fromEntries(NAME_KINDS.map((kind) => [kind, names[kind].slice(0, MOST)]));
  const work = `${file}.${process.pid}`;
  await writeFile(work, JSON.stringify(kept), { mode: 0o600 });
  await rename(work, file);
}

/** Starts this program again, apart from the shell, to look the names up. */
export function refreshInBackground(program: string): void {
  spawn(process.execPath, [program, 'completion', '--refresh'], { detached: true, stdio: 'ignore' })
    .on('error', () => {})
    .unref();
}

/** One for each project and database; the address is not readable from the name. */
async function cacheFile({ cwd, env }: Surroundings): Promise<string> {
  const config = env['TENANTS_CONFIG'] ?? (await findConfig(cwd).catch(() => null)) ?? cwd;
  const database = ['TENANTS_DATABASE', 'DATABASE_URL', 'PGHOST', 'PGPORT', 'PGDATABASE'].map(
    (name) => env[name] ?? '',
  );
  const key = createHash('sha256')
    .update(JSON.stringify([config, database]))
    .digest('hex')
    .slice(0, 32);
  const folder = path.join(env['XDG_CACHE_HOME'] || path.join(env['HOME'] || homedir(), '.cache'), 'pg-tenants');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return path.join(folder, `completion-${key}.json`);
}

/** Each key pressed would otherwise start a process where the database does not answer. */
async function mayRefresh(file: string): Promise<boolean> {
  const mark = `${file}.begun`;
  const begun = await stat(mark).catch(() => undefined);
  if (begun !== undefined && Date.now() - begun.mtimeMs < REFRESH_MS) return false;
  await writeFile(mark, '', { mode: 0o600 });
  await utimes(mark, new Date(), new Date());
  return true;
}

async function readNames(file: string): Promise<Names> {
  try {
    const content = JSON.parse(await readFile(file, 'utf8')) as Partial<Record<NameKind, unknown>>;
    return Object.fromEntries(NAME_KINDS.map((kind) => [kind, texts(content[kind])])) as Names;
  } catch {
    return { tenants: [], domains: [], migrations: [] };
  }
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
