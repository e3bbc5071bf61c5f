import type { Client } from 'pg';

import { blocksUs, type WaitingBackend, waitingBackends } from '../db/backend/waiting-backends.js';
import { describeHolder, NODE_PG_MIGRATE_LOCK } from '../db/locks.js';
import { isAwaitingAnswer } from '../db/pg-internals.js';
import { formatDuration } from '../util/duration.js';

/** Pause between two looks at the lanes, in ms. */
const LOOK_MS = 2000;
/** What has waited for so long is explained, and explained again as long after, in ms. */
const EXPLAIN_MS = 30_000;

export type LaneWatchOptions = {
  /** The control connection of the moment. */
  client: () => Client;
  /** A lane waits for a node-pg-migrate started by hand that waits for us. */
  onDeadlock: () => void;
  onExplain: (message: string) => void;
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
  readonly #explained = new Map<number, number>();
  #looking = false;

  constructor(options: LaneWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), options.lookMs ?? LOOK_MS);
    this.#timer.unref();
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
    const waiting = await waitingBackends(client, explainMs);
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
  const holders = blockers.map((blocker) => describeHolder(blocker) + stateOf(blocker.state));
  return `${who} has waited ${since} for ${holders.join(' and ')}${building}.`;
}

function stateOf(state: string | null): string {
  return state === null ? '' : `, ${state} now`;
}
