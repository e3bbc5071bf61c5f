import type { Client } from 'pg';

import { closeClient, openClient } from '../db/connect.js';
import { assertOwn, type SessionKind, sessionKind } from '../db/own-session.js';
import { type ServerInfo, assertWritable, inspectServer } from '../db/server.js';
import { isConnectionError } from '../db/sqlstates.js';
import type { Blocker } from '../errors/blocker.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { FleetLock, type FleetLockOptions } from './fleet-lock.js';
import { LaneWatch } from './lane-watch.js';
import { prepareOwn } from './prepare-own.js';

/** The control connection of a run: it surveys, holds the fleet lock, and hands nothing to tenants. */
export type FleetSession = {
  readonly client: Client;
  readonly server: ServerInfo;
  /** Behind some poolers it is shared: then nothing may be set or held that outlives a transaction. */
  readonly session: SessionKind;
};

/** A session that holds the fleet lock. Its client is another one after the first has broken. */
export type LockedSession = Omit<FleetSession, 'session'> & {
  /** True while the lock is held; after a break it waits until the lock is had again, and false says that it is not. */
  holdsLock(): Promise<boolean>;
  /** Whoever has the lock now that could not be had again, for messages. */
  lostTo(): string | undefined;
  /** Whether the server is the one with which the session began; see `FleetLock`. */
  isSameServer(): Promise<boolean>;
  /** True once the server was another one, or the connection had been lost. */
  readonly wasLost: boolean;
  /** Whom a lane was waiting for a moment ago; `purpose` is what its connection is for. */
  blockersOf(purpose: string): Blocker[];
};

/**
 * Opens the control connection and gives it to `use`. A session that is our own waits for locks no longer than it may; one
 * that a pooler shares out is left as it is.
 *
 * @throws TenantsError DATABASE_UNREACHABLE, DATABASE_REFUSED or DATABASE_UNSUPPORTED.
 */
export async function withSession<T>(
  project: Project,
  purpose: string,
  use: (session: FleetSession) => Promise<T>,
): Promise<T> {
  const client = await openClient(project.database, purpose);
  try {
    const server = await inspectServer(client);
    const session = await sessionKind(client, server, project.database);
    if (session === 'own') await prepareOwn(project, client, server);
    return await use({ client, server, session });
  } catch (error) {
    throw explained(error);
  } finally {
    await closeClient(client);
  }
}

/**
 * Like `withSession`, for changing the fleet: one such run per database, and no hand-run node-pg-migrate beside it.
 *
 * @throws TenantsError LOCKED when another run holds the lock and `lockWait` has passed, UNSAFE_POOLER, and those of
 *   `withSession`.
 */
export async function withFleetLock<T>(
  project: Project,
  purpose: string,
  options: FleetLockOptions,
  use: (session: LockedSession) => Promise<T>,
): Promise<T> {
  const client = await openClient(project.database, purpose);
  const lock = new FleetLock(project, purpose, client, options);
  let watch: LaneWatch | undefined;
  try {
    const server = await inspectServer(client);
    assertWritable(server);
    assertOwn(await sessionKind(client, server, project.database));
    await prepareOwn(project, client, server);
    await lock.take(server);
    const lanes = new LaneWatch({
      client: () => lock.client,
      lockTimeoutMs: project.lockTimeoutMs,
      onDeadlock: () => lock.yieldNodePgMigrateLock(),
      onExplain: (message) => options.onEvent({ type: 'waiting', message }),
    });
    watch = lanes;
    return await use({
      server,
      get client() {
        return lock.client;
      },
      blockersOf: (purpose) => lanes.blockersOf(purpose),
      holdsLock: () => lock.isHeld(),
      lostTo: () => lock.heldBy,
      isSameServer: () => lock.isSameServer(),
      get wasLost() {
        return lock.wasLost;
      },
    });
  } catch (error) {
    throw explained(error);
  } finally {
    watch?.stop();
    await lock.close();
  }
}

/** A control connection that breaks in the middle is told from a mistake of ours. */
export function explained(error: unknown): unknown {
  if (isTenantsError(error) || !isConnectionError(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new TenantsError('DATABASE_UNREACHABLE', `The connection to the database broke: ${text}.`, {
    suggestions: ['Run the same command again; what was finished is found as it is.'],
    cause: error,
  });
}
