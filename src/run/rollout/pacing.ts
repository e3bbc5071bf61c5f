import { setTimeout as sleep } from 'node:timers/promises';

import type { LockedSession } from '../../session/control-session.js';
import type { RunRecord } from '../run-record.js';
import type { StopSign } from '../stop-sign.js';
import type { EffectiveRollout } from './effective-rollout.js';
import { Throttle } from './throttle.js';

export type PacingOptions = {
  /** Pause of a lane between two tenants, in ms. */
  delayMs: number;
  throttle: Throttle | undefined;
  /** Aborted when nothing more is started: nobody waits then. */
  signal: AbortSignal;
};

/** What a rollout asks for. The server is looked at only where it limits something. */
export function openPacing(
  { delayMs = 0, maxReplicaLagMs, maxLockWaits }: EffectiveRollout,
  session: LockedSession,
  record: RunRecord,
  stop: StopSign,
): Pacing {
  const looks = maxReplicaLagMs !== undefined || maxLockWaits !== undefined;
  const throttle = looks
    ? new Throttle({
        limits: { maxReplicaLagMs, maxLockWaits },
        client: () => session.client,
        onWait: (message) => record.emit({ type: 'waiting', message }),
      })
    : undefined;
  return new Pacing({ delayMs, throttle, signal: stop.signal });
}

/**
 * Says when the next tenant is to be handed out. It holds for every executor, because all take tenants from one queue: each lane is
 * a place that becomes free again some time after its tenant.
 */
export class Pacing {
  readonly #options: PacingOptions;
  /** When each free place may be taken, in ms of `performance.now()`, earliest first. */
  readonly #places: number[] = [];
  readonly #out = new Set<string>();

  constructor(options: PacingOptions) {
    this.#options = options;
  }

  /** Whether tenants must be handed out one by one. */
  get isActive(): boolean {
    return this.#options.delayMs > 0 || this.#options.throttle !== undefined;
  }

  /** So many tenants are handed out at once. */
  begin(lanes: number): void {
    this.#places.splice(0, Infinity, ...Array.from({ length: lanes }, () => 0));
  }

  /** Resolves when a tenant may be handed out, or nothing more is started. */
  async turn(): Promise<void> {
    const { delayMs, throttle, signal } = this.#options;
    if (delayMs > 0) {
      // An executor of the user's may take more tenants than it has lanes.
      const at = this.#places.shift() ?? performance.now() + delayMs;
      const ms = at - performance.now();
      if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {});
    }
    await throttle?.untilFree(signal);
  }

  /** What the report says about it. */
  get report(): { heldBackMs?: number } {
    const ms = Math.round(this.#options.throttle?.heldMs ?? 0);
    return ms === 0 ? {} : { heldBackMs: ms };
  }

  get warnings(): string[] {
    return this.#options.throttle?.warnings ?? [];
  }

  close(): void {
    this.#options.throttle?.close();
  }

  noteHandOut(tenant: string): void {
    this.#out.add(tenant);
  }

  noteResult(tenant: string): void {
    if (this.#out.delete(tenant)) this.#places.push(performance.now() + this.#options.delayMs);
  }
}
