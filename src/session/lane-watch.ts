import type { Client } from 'pg';

import { blocksUs, type WaitingBackend, waitingBackends } from '../db/backend/waiting-backends.js';
import { APPLICATION_PREFIX, applicationName } from '../db/connect.js';
import { NODE_PG_MIGRATE_LOCK } from '../db/locks.js';
import { isAwaitingAnswer } from '../db/pg-internals.js';
import { type Blocker, describeBlocker } from '../errors/blocker.js';
import { formatDuration } from '../util/duration.js';

/** Pause between two looks at the lanes, in ms: the longest, and the shortest. */
const LOOK_MS = 2000;
const SHORTEST_LOOK_MS = 250;
/** What has waited for so long is explained, and explained again as long after, in ms. */
const EXPLAIN_MS = 30_000;

export type LaneWatchOptions = {
  /** The control connection of the moment. */
  client: () => Client;
  /** A lane waits for a node-pg-migrate started by hand that waits for us. */
  onDeadlock: () => void;
  onExplain: (message: string) => void;
  /** How long a lane waits for a lock, in ms; 0 is no limit. The looks are so close together that each such wait is seen. */
  lockTimeoutMs: number;
  /** For tests, in ms. */
  lookMs?: number;
  explainMs?: number;
};

/**
 * Looks after the lanes of a run from its control connection, whichever executor has them.
 *
 * `CREATE INDEX CONCURRENTLY` waits for every older snapshot. A node-pg-migrate that was started by hand and told to wait
 * for its lock waits inside a snapshot, for a key that the run holds: neither would ever end, and the server does not see a
 * deadlock, because the control connection itself waits for nobody. And whatever waits for long is explained to people.
 */
export class LaneWatch {
  readonly #options: LaneWatchOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #lookMs: number;
  readonly #explained = new Map<number, number>();
  /** Whom a connection was last seen to wait for, by its purpose as the server has it. */
  readonly #blockers = new Map<string, { blockers: Blocker[]; at: number }>();
  #looking = false;

  constructor(options: LaneWatchOptions) {
    this.#options = options;
    this.#lookMs = options.lookMs ?? lookPause(options.lockTimeoutMs);
    this.#timer = setInterval(() => void this.#look(), this.#lookMs);
    this.#timer.unref();
  }

  /**
   * Whom a connection was waiting for at the latest look.
   *
   * @param purpose what the connection is for, as in its `application_name`
   */
  blockersOf(purpose: string): Blocker[] {
    const seen = this.#blockers.get(asServerHas(applicationName(purpose)));
    return seen === undefined || performance.now() - seen.at > 2 * this.#lookMs + 1000 ? [] : seen.blockers;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A control connection that breaks in the meantime is the lock's concern, not this one's. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const client = this.#options.client();
      if (isAwaitingAnswer(client)) return;
      if (await blocksUs(client, NODE_PG_MIGRATE_LOCK)) this.#options.onDeadlock();
      await this.#explain(client);
    } catch {
      // The next look asks again.
    } finally {
      this.#looking = false;
    }
  }

  async #explain(client: Client): Promise<void> {
    const explainMs = this.#options.explainMs ?? EXPLAIN_MS;
    const all = await waitingBackends(client, Math.min(explainMs, this.#lookMs / 2));
    const at = performance.now();
    for (const { purpose, blockers } of all) {
      if (blockers.length > 0) this.#blockers.set(asServerHas(APPLICATION_PREFIX + purpose), { blockers, at });
    }
    const waiting = all.filter(({ waitedMs }) => waitedMs >= explainMs);
    const still = new Set(waiting.map(({ pid }) => pid));
    for (const pid of this.#explained.keys()) if (!still.has(pid)) this.#explained.delete(pid);
    for (const backend of waiting) {
      const last = this.#explained.get(backend.pid);
      if (last !== undefined && Date.now() - last < explainMs) continue;
      this.#explained.set(backend.pid, Date.now());
      this.#options.onExplain(explanation(backend));
    }
  }
}

/** Who waits, for how long, for what and for whom. */
function explanation({ purpose, waitedMs, blockers, index }: WaitingBackend): string {
  const who = purpose.replace(/^(?:migrate|rollback) /, '');
  const since = formatDuration(waitedMs);
  const done = index?.done === null || index?.done === undefined ? '' : `, ${Math.floor(index.done * 100)} % done`;
  const building = index === null ? '' : ` (an index: ${index.phase}${done})`;
  if (blockers.length === 0) return `${who} has been running one statement for ${since}${building}.`;
  return `${who} has waited ${since}${building} for ${blockers.map((blocker) => describeBlocker(blocker)).join(' and for ')}`;
}

/** Three looks within a wait. */
function lookPause(lockTimeoutMs: number): number {
  if (lockTimeoutMs === 0) return LOOK_MS;
  return Math.min(LOOK_MS, Math.max(SHORTEST_LOOK_MS, lockTimeoutMs / 3));
}

/** An `application_name` without what the server replaces: bytes beyond ASCII, by `?` or, since PostgreSQL 16, by `\xNN`. */
function asServerHas(name: string): string {
  return name.replaceAll(/[^\u0020-\u007E]+|(?:\\x[0-9a-f]{2})+|\?+/g, '?');
}
