import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { loginWith } from './connection.js';
import { withFileLock } from './file-lock.js';
import { findHome, type Home } from './home.js';
import { realHostEnvironment, type HostEnvironment } from './host-environment.js';
import { isComplete, readPassword } from './initialize.js';
import { keep, unkeep } from './kept.js';
import { lastPort, logFile } from './launch.js';
import { countLeases } from './leases.js';
import { locateBinaries } from './locate-binaries.js';
import { findPostmaster, stopPostmaster } from './postmaster.js';
import { prepareBinaries } from './prepare-binaries.js';
import { DATABASE, leaseFolder, LOCK_TIMEOUT, lockFile, startEmbedded, urlOf } from './start.js';

/** A server that is kept running for an application. `url` has the password. */
export type KeptServer = { url: string; port: number; log: string; started: boolean };

/**
 * Starts the project's server, or joins the one that runs, and keeps it running when this process ends.
 *
 * @throws as `startEmbedded`
 */
export async function keepEmbedded(
  root: string,
  surroundings: HostEnvironment = realHostEnvironment(),
): Promise<KeptServer> {
  const before = await runningServer(root, surroundings);
  const server = await startEmbedded({ root }, surroundings);
  try {
    const home = await findHome(root, surroundings);
    const running = await findPostmaster(home.data);
    if (running !== undefined) await keep(home.state, running);
    return { url: server.url, port: Number(server.config.port), log: logFile(home), started: before === undefined };
  } finally {
    await server.stop();
  }
}

/** What became of a server that was to stop: `inUse` counts the commands that it still works for, and ends with. */
export type StopOutcome = { wasRunning: boolean; inUse: number };

/** Stops the project's server: at once, or with the last command that uses it. Connections of applications are closed. */
export async function stopEmbedded(
  root: string,
  surroundings: HostEnvironment = realHostEnvironment(),
): Promise<StopOutcome> {
  if (!(await hasState(root))) return { wasRunning: false, inUse: 0 };
  const home = await findHome(root, surroundings);
  return await withFileLock(lockFile(home), LOCK_TIMEOUT, async () => {
    await unkeep(home.state);
    const running = await findPostmaster(home.data);
    if (running === undefined) return { wasRunning: false, inUse: 0 };
    const inUse = await countLeases(leaseFolder(home));
    if (inUse > 0) return { wasRunning: true, inUse };
    const { pgCtl } = await prepareBinaries(await locateBinaries(root), home.cache, home.account);
    await stopPostmaster(running, home.data, pgCtl, home.account);
    return { wasRunning: true, inUse: 0 };
  });
}

/**
 * The URL of the project's server, running or not: it gets the same port again where that is free. `undefined` before the
 * first start.
 */
export async function embeddedUrl(
  root: string,
  surroundings: HostEnvironment = realHostEnvironment(),
): Promise<{ url: string; running: boolean } | undefined> {
  if (!(await hasState(root))) return undefined;
  const home = await findHome(root, surroundings);
  if (!(await isComplete(home.data))) return undefined;
  const running = await findPostmaster(home.data);
  const port = running?.port ?? (await lastPort(home));
  if (port === undefined) return undefined;
  const url = urlOf({ ...loginWith(await readPassword(home)), port, database: DATABASE });
  return { url, running: running !== undefined };
}

async function runningServer(root: string, surroundings: HostEnvironment) {
  if (!(await hasState(root))) return undefined;
  const home: Home = await findHome(root, surroundings);
  return await findPostmaster(home.data);
}

/** Looking must not leave anything behind in a folder that has no server. */
async function hasState(root: string): Promise<boolean> {
  return (await stat(join(root, '.tenants')).catch(() => undefined)) !== undefined;
}
