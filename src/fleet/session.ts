import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import {
  assertOwnSession,
  assertWritable,
  closeClient,
  describeHolder,
  FLEET_LOCK,
  inspectServer,
  lockHolders,
  NODE_PG_MIGRATE_LOCK,
  openClient,
  type ServerInfo,
  tryLock,
  unlock,
} from '../db/index.js';
import { TenantsError } from '../errors/index.js';
import type { Project } from './project.js';
import type { FleetEvent } from './types.js';

/** The control connection of a run: it surveys, holds the fleet lock, and hands nothing to tenants. */
export type FleetSession = { client: Client; server: ServerInfo };

/**
 * Opens the control connection and gives it to `use`.
 *
 * @throws TenantsError DATABASE_UNREACHABLE, DATABASE_REFUSED, DATABASE_UNSUPPORTED or UNSAFE_POOLER.
 */
export async function withSession<T>(
  project: Project,
  purpose: string,
  use: (session: FleetSession) => Promise<T>,
): Promise<T> {
  const client = await openClient(project.database, purpose);
  try {
    const server = await inspectServer(client);
    return await use({ client, server });
  } finally {
    await closeClient(client);
  }
}

export type LockOptions = {
  drain: AbortSignal;
  onEvent: (event: FleetEvent) => void;
  /** The control connection broke, and the locks with it. */
  onLost: () => void;
};

/**
 * Like `withSession`, for changing the fleet: one such run per database, and no hand-run node-pg-migrate beside it.
 *
 * @throws TenantsError LOCKED when another run holds the lock and `lockWait` has passed, besides those of `withSession`.
 */
export async function withFleetLock<T>(
  project: Project,
  purpose: string,
  options: LockOptions,
  use: (session: FleetSession) => Promise<T>,
): Promise<T> {
  return await withSession(project, purpose, async (session) => {
    const { client } = session;
    assertWritable(session.server);
    await assertOwnSession(client, project.database);
    await client.query(`SELECT set_config('idle_in_transaction_session_timeout', '0', false)`);
    if (session.server.version >= 140_000) await client.query('SET idle_session_timeout = 0');
    await takeLocks(client, project.lockWaitMs, options);
    let done = false;
    const lost = (): void => {
      if (!done) options.onLost();
    };
    client.on('error', lost).on('end', lost);
    try {
      return await use(session);
    } finally {
      done = true;
      await giveBack(client);
    }
  });
}

async function takeLocks(client: Client, waitMs: number, { drain, onEvent }: LockOptions): Promise<void> {
  const until = Date.now() + waitMs;
  for (let announced = false; ;) {
    const taken = await tryLocks(client);
    if (taken === undefined) return;
    const holders = await lockHolders(client, taken);
    const who = holders[0] === undefined ? 'another process' : describeHolder(holders[0]);
    const what =
      taken === FLEET_LOCK ? 'Another run is at work on this database' : 'node-pg-migrate is at work on this database';
    if (Date.now() >= until || drain.aborted) {
      throw new TenantsError('LOCKED', `${what}: ${who}.`, {
        suggestions: ['Wait until it has ended, or let this run wait for it with --lock-wait 5m.'],
      });
    }
    if (!announced) onEvent({ type: 'waiting', message: `${what}: ${who}. Waiting for it to end.` });
    announced = true;
    await sleep(Math.min(500, Math.max(10, until - Date.now())), undefined, { signal: drain }).catch(() => {});
  }
}

/** Takes both locks or none; answers the key that somebody else holds. */
async function tryLocks(client: Client): Promise<string | undefined> {
  if (!(await tryLock(client, FLEET_LOCK))) return FLEET_LOCK;
  if (await tryLock(client, NODE_PG_MIGRATE_LOCK, 'shared')) return undefined;
  await unlock(client, FLEET_LOCK);
  return NODE_PG_MIGRATE_LOCK;
}

/** The end of the connection frees both as well; this only does it before the client has said goodbye. */
async function giveBack(client: Client): Promise<void> {
  try {
    await client.query('SELECT pg_advisory_unlock_all()');
  } catch {
    // The connection is gone, and the locks with it.
  }
}
