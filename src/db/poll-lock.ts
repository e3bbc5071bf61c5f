import { setTimeout as sleep } from 'node:timers/promises';

/** Pauses between two tries, in ms: they double from the shortest to the longest. */
const SHORTEST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

export type PollOptions = {
  /** When to give up, on the clock of `Date.now()`; see `deadlineAfter`. The lock is tried at least once. */
  until: number;
  /** Ends the wait at once when it is aborted. */
  signal?: AbortSignal | undefined;
  /** Called once, before the first pause. */
  onWait?: () => Promise<void> | void;
};

/**
 * Tries for a lock until it is acquired. Locks of this product are tried again and again, never waited for in the server: a
 * backend that waits for an advisory lock holds a snapshot, and `CREATE INDEX CONCURRENTLY` waits for that.
 *
 * @param attempt answers `undefined` while another session holds the lock
 * @returns what `attempt` answered, or `undefined` when time ran out or the wait was aborted
 */
export async function pollLock<T>(attempt: () => Promise<T | undefined>, options: PollOptions): Promise<T | undefined> {
  const { until, signal, onWait } = options;
  for (let tries = 0; ; tries += 1) {
    const answer = await attempt();
    if (answer !== undefined) return answer;
    const left = until - Date.now();
    if (left <= 0 || signal?.aborted === true) return undefined;
    if (tries === 0) await onWait?.();
    const pause = Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** Math.min(tries, 5));
    // An aborted pause is followed by the last try.
    await sleep(Math.min(pause * (0.5 + Math.random()), Math.max(10, left)), undefined, { signal }).catch(() => {});
  }
}

/** The moment at which a timeout of the configuration ends, on the clock of `Date.now()`. 0 means no limit, as in PostgreSQL. */
export function deadlineAfter(timeoutMs: number): number {
  return timeoutMs === 0 ? Infinity : Date.now() + timeoutMs;
}
