import type { FleetEvent } from '../../fleet/types.js';
import { roughDuration } from '../../util/duration.js';
import { formatCount } from '../../util/format-count.js';

type TenantResult = Extract<FleetEvent, { type: 'tenant:done' }>['result'];

/** The period over which the rate is averaged, in ms: long enough to be steady, short enough to notice a slow migration. */
const WINDOW_MS = 15_000;
const SAMPLE_MS = 500;
/** A rate that was measured before says nothing when no tenant has ended for so long, in ms, or for as long as some take. */
const SILENT_MS = 5000;
const SILENT_TENANTS = 5;

/** Counts one round over the tenants: done, failed, the rate, and the tenants in progress. Times are ms of any clock. */
export class Tally {
  done = 0;
  failed = 0;
  readonly #total: number | undefined;
  readonly #current = new Set<string>();
  readonly #samples: { at: number; done: number }[];
  #lastAt: number;

  constructor(total: number | undefined, now: number) {
    this.#total = total;
    this.#samples = [{ at: now, done: 0 }];
    this.#lastAt = now;
  }

  /** Tenants that are on a lane now, in the order in which they started. */
  get current(): string[] {
    return [...this.#current];
  }

  /** From 0 to 1; `undefined` if the total is unknown. */
  get share(): number | undefined {
    return this.#total === undefined || this.#total === 0 ? undefined : this.done / this.#total;
  }

  get complete(): boolean {
    return this.#total === undefined || this.done >= this.#total;
  }

  start(tenant: string): void {
    this.#current.add(tenant);
  }

  /** A tenant that was not executed leaves its lane but does not count as done. */
  finish(result: TenantResult, now: number): void {
    this.#current.delete(result.tenant);
    if (result.status === 'notExecuted') return;
    this.done++;
    this.#lastAt = now;
    if (result.status === 'failed') this.failed++;
    this.#sample(now);
  }

  /** `412/2,000, 3 failed`; without the total if it is unknown. */
  counts(): string {
    const parts = [
      this.#total === undefined
        ? `${formatCount(this.done)} done`
        : `${formatCount(this.done)}/${formatCount(this.#total)}`,
    ];
    if (this.failed > 0) parts.push(`${formatCount(this.failed)} failed`);
    return parts.join(', ');
  }

  /** The counts with the rate and the time left: `412/2,000, 3 failed, 96/s, 17 s left`. */
  counters(now: number): string {
    const rate = this.#rate(now);
    const left = this.#total === undefined ? undefined : this.#total - this.done;
    if (rate === 0 || left === 0) return this.counts();
    const silentMs = now - this.#lastAt;
    if (silentMs > Math.max(SILENT_MS, (SILENT_TENANTS / rate) * 1000)) {
      return `${this.counts()}, none finished for ${roughDuration(silentMs)}`;
    }
    const parts = [this.counts(), rate >= 9.95 ? `${formatCount(rate)}/s` : `${rate.toFixed(1)}/s`];
    if (left !== undefined && left > 0) parts.push(`${roughDuration((left / rate) * 1000)} left`);
    return parts.join(', ');
  }

  #sample(now: number): void {
    const last = this.#samples.at(-1);
    if (last && now - last.at >= SAMPLE_MS) this.#samples.push({ at: now, done: this.done });
    while (this.#samples.length > 1 && now - (this.#samples[0]?.at ?? now) > WINDOW_MS) this.#samples.shift();
  }

  #rate(now: number): number {
    const oldest = this.#samples[0];
    if (!oldest || now - oldest.at < SAMPLE_MS) return 0;
    return ((this.done - oldest.done) / (now - oldest.at)) * 1000;
  }
}
