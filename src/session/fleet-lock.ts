import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import { backendOf, endBackend } from '../db/backend/identity.js';
import { closeClient, onLongWork, openClient, withClient } from '../db/connect.js';
import {
  describeHolder,
  FLEET_LOCK,
  fleetLock,
  lockHolders,
  NODE_PG_MIGRATE_LOCK,
  tryLock,
  unlock,
} from '../db/locks.js';
import { isAwaitingAnswer } from '../db/pg-internals.js';
import { pollLock } from '../db/poll-lock.js';
import { queueQueries } from '../db/queue-queries.js';
import { CANCELED_CHECK_MS, CANCELED_CLOSE_MS, RESTART_WAIT_MS } from '../db/restart.js';
import type { ServerInfo } from '../db/server.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { limitAfterAbort } from '../util/after-abort.js';
import type { SessionEvent } from './events.js';
import { prepareOwn } from './prepare-own.js';

/** Pause between two tries, in ms. */
const POLL_MS = 500;
/** How long the control connection may be silent before it is asked for a sign of life, and how long that may take, in ms. */
const HEARTBEAT_MS = 10_000;

/** How long a connection that may be dead is waited for at the end, in ms. */
const CLOSE_MS = 2000;

/** A failover takes longer than this, in ms: after a shorter run the server is the one with which it began. */
const SHORTEST_FAILOVER_MS = 5000;

export type FleetLockOptions = {
  drain: AbortSignal;
  /** Once it is aborted, nothing is waited for that does not answer at once. */
  cancel?: AbortSignal | undefined;
  onEvent: (event: SessionEvent) => void;
};

/**
 * The locks of a run, held by its control connection: the fleet lock, and in shared mode those of earlier versions and of
 * node-pg-migrate. When the connection breaks all are gone, and are taken again on a new one.
 */
export class FleetLock {
  readonly #project: Project;
  readonly #purpose: string;
  readonly #options: FleetLockOptions;
  #client: Client;
  #server: ServerInfo | undefined;
  #lastBeat = 0;
  /** The connection is gone, and the locks with it. */
  #broken = false;
  #heldBy: string | undefined;
  #closed = false;
  #regaining: Promise<boolean> | undefined;
  /** The locks were lost at some time. */
  #wasLost = false;
  #since = 0;
  #saysThatStandbysAreWaitedFor = false;

  constructor(project: Project, purpose: string, client: Client, options: FleetLockOptions) {
    this.#project = project;
    this.#purpose = purpose;
    this.#client = client;
    this.#options = options;
    queueQueries(client);
  }

  get client(): Client {
    return this.#client;
  }

  /** Whoever has the lock that could not be had again, for messages. */
  get heldBy(): string | undefined {
    return this.#heldBy;
  }

  /** @throws TenantsError LOCKED when another session holds a lock and `lockWait` has passed. */
  async take(server: ServerInfo): Promise<void> {
    this.#server = server;
    await prepare(this.#client, server);
    const until = Date.now() + this.#project.lockWaitMs;
    let taken: string | undefined;
    const attempt = async (): Promise<true | undefined> => {
      taken = await tryLocks(this.#client, this.#project);
      return taken === undefined ? true : undefined;
    };
    const onWait = async (): Promise<void> => {
      const message = `${await this.#whoIsAtWork(taken)} Waiting for it to end.`;
      this.#options.onEvent({ type: 'waiting', message });
    };
    if ((await pollLock(attempt, { until, signal: this.#options.drain, onWait })) !== true) {
      throw new TenantsError('LOCKED', await this.#whoIsAtWork(taken), {
        suggestions: ['Wait until it has ended, or use --lock-wait 5m to wait for it.'],
      });
    }
    this.#since = Date.now();
    this.#watch();
  }

  /** True while the locks are held; after one was lost only when it could be had again within half a minute. */
  async isHeld(): Promise<boolean> {
    if (this.#regaining === undefined) await this.#beat();
    return this.#regaining === undefined || (await this.#regaining);
  }

  /**
   * Whether the server has been the same one ever since the locks were taken. When the connection was lost at any time, it may
   * have been replaced by a standby that lags behind, in which what was committed before is missing. The same where the address
   * of the database leads to another server now, although the old one still answers.
   */
  async isSameServer(): Promise<boolean> {
    if (this.#wasLost) return false;
    try {
      await limitAfterAbort(this.#lookForOther(), this.#options.cancel, CANCELED_CHECK_MS, () => undefined);
    } catch {
      this.#wasLost = true;
    }
    return !this.#wasLost;
  }

  /** True once the server was another one, or the connection had been lost. */
  get wasLost(): boolean {
    return this.#wasLost;
  }

  /**
   * Lets a node-pg-migrate started by hand go first that waits for its key while one of our statements waits for it. No tenant is
   * handed out until the key is had again.
   */
  yieldNodePgMigrateLock(): void {
    if (this.#closed) return;
    this.#regaining ??= unlock(this.#client, NODE_PG_MIGRATE_LOCK, 'shared')
      .catch(() => {})
      .then(() =>
        this.#regain(
          'A node-pg-migrate started by hand waits for this run while this run waits for it: yielding to it.',
        ),
      );
  }

  /** Gives the locks back and closes the connection; the server would take a moment to notice that it is closed. */
  async close(): Promise<void> {
    this.#closed = true;
    await limitAfterAbort(Promise.resolve(this.#regaining), this.#options.cancel, CANCELED_CLOSE_MS, () => undefined);
    const patience = new AbortController();
    const unlocked = this.#client.query('SELECT pg_catalog.pg_advisory_unlock_all()').catch(() => {});
    const closeMs = this.#options.cancel?.aborted === true ? CANCELED_CLOSE_MS : CLOSE_MS;
    await Promise.race([unlocked, sleep(closeMs, undefined, { signal: patience.signal }).catch(() => {})]);
    patience.abort();
    await closeClient(this.#client);
  }

  async #whoIsAtWork(key: string | undefined): Promise<string> {
    const [holder] = key === undefined ? [] : await lockHolders(this.#client, key);
    const who = holder === undefined ? 'another process' : describeHolder(holder);
    return `${key === NODE_PG_MIGRATE_LOCK ? 'node-pg-migrate' : 'Another run'} is running on this database: ${who}.`;
  }

  #watch(): void {
    const client = this.#client;
    this.#lastBeat = Date.now();
    const onBreak = (): void => {
      if (client === this.#client) this.#break();
    };
    client.on('error', onBreak).on('end', onBreak);
    onLongWork(client, (waitEvent) => {
      if (waitEvent !== 'SyncRep' || this.#saysThatStandbysAreWaitedFor) return;
      this.#saysThatStandbysAreWaitedFor = true;
      const message = 'A synchronous standby has not confirmed what was committed; waiting for it.';
      this.#options.onEvent({ type: 'waiting', message });
    });
  }

  /** The lock is tried for at once and not when the next tenant is due: the longer it is free, the sooner another has it. */
  #break(): void {
    this.#broken = true;
    this.#wasLost = true;
    if (this.#closed) return;
    this.#regaining ??= this.#regain(
      'The control connection broke, and the lock of the run was lost with it; trying to regain it.',
    );
  }

  /**
   * Asks the server for a sign of life, now and then: a connection can be gone without either end having noticed. Not while it is
   * at something else, which can take long: then the watch over silent connections looks after it (see `SilenceWatch`).
   */
  async #beat(): Promise<void> {
    if (Date.now() - this.#lastBeat < HEARTBEAT_MS || isAwaitingAnswer(this.#client)) return;
    this.#lastBeat = Date.now();
    const timeout = new AbortController();
    const silence = sleep(HEARTBEAT_MS, undefined, { signal: timeout.signal }).then(() => {
      throw new Error('The control connection does not answer.');
    });
    try {
      await Promise.race([this.#client.query('SELECT 1'), silence]);
    } catch {
      this.#break();
    } finally {
      timeout.abort();
      silence.catch(() => {});
    }
  }

  async #lookForOther(): Promise<void> {
    await this.#client.query('SELECT 1');
    if (Date.now() - this.#since < SHORTEST_FAILOVER_MS) return;
    const began = backendOf(this.#client)?.serverStartedAt;
    // There may be no connection left to look from; the one that holds the lock has just answered.
    const now = await withClient(this.#project.database, 'look at the server', (other) =>
      Promise.resolve(backendOf(other)?.serverStartedAt),
    ).catch(() => began);
    if (now !== began) this.#wasLost = true;
  }

  async #regain(message: string): Promise<boolean> {
    this.#options.onEvent({ type: 'warning', message });
    const until = Date.now() + (this.#project.restartWaitMs ?? RESTART_WAIT_MS);
    while (Date.now() < until && !this.#options.drain.aborted && !this.#closed) {
      if (await (this.#broken ? this.#reconnect() : this.#retake())) {
        this.#regaining = undefined;
        this.#heldBy = undefined;
        return true;
      }
      await this.#pause(POLL_MS);
    }
    return false;
  }

  /** Takes node-pg-migrate's key again, which is all that is missing. */
  async #retake(): Promise<boolean> {
    try {
      if (await tryLock(this.#client, NODE_PG_MIGRATE_LOCK, 'shared')) return true;
      await this.#noteHolder(this.#client, NODE_PG_MIGRATE_LOCK);
    } catch {
      this.#broken = true;
    }
    return false;
  }

  async #reconnect(): Promise<boolean> {
    const client = await openClient(this.#project.database, this.#purpose).catch(() => undefined);
    if (client === undefined) return false;
    queueQueries(client);
    if (!(await this.#takeWith(client))) {
      await closeClient(client);
      return false;
    }
    void closeClient(this.#client);
    this.#client = client;
    this.#broken = false;
    this.#watch();
    return true;
  }

  async #takeWith(client: Client): Promise<boolean> {
    try {
      if (this.#server !== undefined) {
        await prepareOwn(this.#project, client, this.#server);
        await prepare(client, this.#server);
      }
      // The server may not know yet that the old connection is gone, and keep the locks for it.
      const old = backendOf(this.#client);
      if (old !== undefined) await endBackend(client, old);
      const taken = await tryLocks(client, this.#project);
      if (taken === undefined) return true;
      await this.#noteHolder(client, taken);
    } catch {
      // Tried again with the next connection.
    }
    return false;
  }

  async #noteHolder(client: Client, key: string): Promise<void> {
    const [holder] = await lockHolders(client, key);
    this.#heldBy = holder === undefined ? undefined : describeHolder(holder);
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#options.drain }).catch(() => {});
  }
}

/** The control connection is idle for as long as tenants are migrated. */
async function prepare(client: Client, server: ServerInfo): Promise<void> {
  if (server.version >= 140_000) await client.query('SET idle_session_timeout = 0');
}

/** Takes all locks or none; answers the key that another session holds. */
async function tryLocks(client: Client, { shared }: Project): Promise<string | undefined> {
  const own = fleetLock(shared.schema);
  if (!(await tryLock(client, own))) return own;
  if (await tryLock(client, FLEET_LOCK, 'shared')) {
    if (await tryLock(client, NODE_PG_MIGRATE_LOCK, 'shared')) return undefined;
    await unlock(client, FLEET_LOCK, 'shared');
    await unlock(client, own);
    return NODE_PG_MIGRATE_LOCK;
  }
  await unlock(client, own);
  return FLEET_LOCK;
}
