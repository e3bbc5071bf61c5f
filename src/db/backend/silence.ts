import type { Client } from 'pg';

import { isTenantsError } from '../../errors/tenants-error.js';
import { destroySocket, isAwaitingAnswer, trafficOf } from '../pg-internals.js';
import { RESTART_WAIT_MS } from '../restart.js';
import { codeOf } from '../sqlstates.js';
import { type Backend, backendOf, endBackend, STARTED_AT } from './identity.js';

export type SilenceOptions = {
  /** Opens and closes the connection from which the server is asked about the others. */
  open(): Promise<Client>;
  close(client: Client): Promise<void>;
  /** How long an answer may take before the server is asked, in ms. Default: 10 seconds. */
  silenceMs?: number;
  /** Pause between two looks, in ms. Default: 2 seconds. */
  lookMs?: number;
  /** How long a server is waited for that cannot be reached at all, in ms. Default: 30 seconds. */
  awayMs?: number;
};

/** A connection that is being watched. */
type Watched = {
  traffic: number;
  /** On the clock of `Date.now()`: when something was sent or received last, or the server said that it is at work. */
  since: number;
  /** How long it may be silent, in ms. */
  patienceMs: number;
  /** Looks in a row at which its process had nothing to do. */
  idle: number;
  isWorking: ((waitEvent: string | null) => void) | undefined;
};

/** At so many looks in a row a process must have nothing to do before its connection counts as lost. */
const IDLE_LOOKS = 3;
/**
 * The same for a connection that has not said yet which process it has: a pooler, which may let its first statement wait for two
 * minutes, answers everything before that itself.
 */
const IDLE_LOOKS_AT_FIRST = 65;
/** Longest pause between two questions about a statement that takes long, in ms. */
const LONGEST_PATIENCE_MS = 60_000;

/**
 * Finds connections that say nothing because they are lost. TCP notices only some of these: not a proxy that swallows what it is
 * given, and not for a quarter of an hour if something was sent and never acknowledged.
 *
 * A connection that waits for an answer and has been silent for some time is asked about from another one. If its process works,
 * it may go on for as long as it takes. If its process is gone or has nothing to do, what was sent or the answer was lost: the
 * process is ended and the connection is cut, so that whoever waits sees an error. The same when the server cannot be reached
 * at all.
 */
export class SilenceWatch {
  readonly #options: SilenceOptions;
  readonly #watched = new Map<Client, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #awaySince: number | undefined;

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  /** Watches a connection until it ends. Sockets that count no bytes cannot be watched. */
  add(client: Client): void {
    const traffic = trafficOf(client);
    if (traffic === undefined) return;
    const patienceMs = this.#options.silenceMs ?? 10_000;
    this.#watched.set(client, { traffic, since: Date.now(), patienceMs, idle: 0, isWorking: undefined });
    client.once('end', () => this.#remove(client));
    this.#timer ??= setInterval(() => void this.#look(), this.#options.lookMs ?? 2000).unref();
  }

  /** Calls `listener` each time that an answer takes long and the server says that it is at work, with what it waits for. */
  onWorking(client: Client, listener: (waitEvent: string | null) => void): void {
    const watched = this.#watched.get(client);
    if (watched !== undefined) watched.isWorking = listener;
  }

  #remove(client: Client): void {
    this.#watched.delete(client);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    const silent = this.#silent();
    if (silent.length === 0) {
      this.#awaySince = undefined;
      return;
    }
    this.#looking = true;
    try {
      await this.#ask(silent);
      this.#awaySince = undefined;
    } catch (error) {
      this.#noteAway(error, silent);
    } finally {
      this.#looking = false;
    }
  }

  /** Connections that wait for an answer, and have been silent for longer than they may. */
  #silent(): Client[] {
    const silent: Client[] = [];
    for (const [client, watched] of this.#watched) {
      const { traffic, isWaiting } = { traffic: trafficOf(client), isWaiting: isAwaitingAnswer(client) };
      if (!isWaiting || traffic !== watched.traffic) {
        watched.traffic = traffic ?? 0;
        watched.since = Date.now();
        watched.patienceMs = this.#options.silenceMs ?? 10_000;
        watched.idle = 0;
      } else if (Date.now() - watched.since >= watched.patienceMs) silent.push(client);
    }
    return silent;
  }

  async #ask(silent: readonly Client[]): Promise<void> {
    const client = await this.#options.open();
    try {
      for (const one of silent) {
        const backend = backendOf(one);
        const watched = this.#watched.get(one);
        if (watched === undefined) continue;
        const found = backend === undefined ? undefined : await activityOf(client, backend);
        // Behind a pooler the process may be another one by now, and the pooler has limits of its own.
        if (backend?.direct === false || isAtWork(found)) {
          watched.since = Date.now();
          watched.patienceMs = Math.min(LONGEST_PATIENCE_MS, 2 * watched.patienceMs);
          watched.idle = 0;
          watched.isWorking?.(found?.event ?? null);
          continue;
        }
        watched.idle += 1;
        const looks = backend === undefined ? IDLE_LOOKS_AT_FIRST : IDLE_LOOKS;
        if (watched.idle < looks || trafficOf(one) !== watched.traffic) continue;
        if (backend !== undefined) await endBackend(client, backend);
        destroySocket(one);
      }
    } finally {
      await this.#options.close(client);
    }
  }

  /** A server that answers with a refusal is there, and may be at work for those that are connected. */
  #noteAway(error: unknown, silent: readonly Client[]): void {
    const refused =
      isTenantsError(error) && (error.details.sqlstate !== undefined || error.code !== 'DATABASE_UNREACHABLE');
    if (refused || (!isTenantsError(error) && codeOf(error)?.length === 5)) {
      this.#awaySince = undefined;
      return;
    }
    this.#awaySince ??= Date.now();
    if (Date.now() - this.#awaySince < (this.#options.awayMs ?? RESTART_WAIT_MS)) return;
    for (const one of silent) destroySocket(one);
  }
}

type Activity = { state: string | null; event: string | null };

async function activityOf(client: Client, { pid, startedAt }: Backend): Promise<Activity | undefined> {
  const { rows } = await client.query<Activity>(
    `SELECT state, wait_event AS event FROM pg_stat_get_activity($1) AS a WHERE ${STARTED_AT} = $2`,
    [pid, startedAt],
  );
  return rows[0];
}

/** `ClientWrite`: it has an answer, which nobody takes. Without a right to see the state, it is taken for at work. */
function isAtWork(found: Activity | undefined): boolean {
  if (found === undefined || found.event === 'ClientWrite') return false;
  return found.state === null || found.state === 'active' || found.state === 'disabled';
}
