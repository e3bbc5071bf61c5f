import type { Client } from 'pg';

import { isAwaitingAnswer } from '../../db/pg-internals.js';
import { formatDuration } from '../../util/duration.js';
import { describePressure, type PressureLimits, type Pressure, ReplicaLags, readPressure } from './pressure.js';

/** Pause between two looks at the server, in ms. */
const LOOK_MS = 1000;
/** What is waited for is said again after so long, in ms. */
const SAY_AGAIN_MS = 30_000;

export type ThrottleOptions = {
  limits: PressureLimits;
  /** The control connection of the moment. */
  client: () => Client;
  onWait: (message: string) => void;
  /** For tests, in ms. */
  lookMs?: number;
};

/**
 * Holds tenants back while replicas lag or other sessions wait for locks. It looks from the control connection, with single
 * statements that leave no transaction open, and not while that connection is at something else.
 */
export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #lags = new ReplicaLags();
  readonly #timer: NodeJS.Timeout;
  readonly #reasons = new Set<string>();
  #pressure: Pressure | undefined;
  #looking: Promise<void> | undefined;
  #waiting: (() => void)[] = [];
  #since: number | undefined;
  #saidAt = Number.NEGATIVE_INFINITY;
  #heldMs = 0;
  #blind = false;

  constructor(options: ThrottleOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), options.lookMs ?? LOOK_MS);
    this.#timer.unref();
  }

  /** How long tenants were held back, in ms. */
  get heldMs(): number {
    return this.#heldMs + (this.#since === undefined ? 0 : performance.now() - this.#since);
  }

  /** What the report should say. */
  get warnings(): string[] {
    const why = [...this.#reasons].join(' and ');
    return [
      ...(this.heldMs === 0 ? [] : [`Tenants were held back for ${formatDuration(this.heldMs)}, because ${why}.`]),
      ...(this.#blind
        ? ['The lag of replicas cannot be read: grant pg_monitor to the role that connects, or remove maxReplicaLag.']
        : []),
    ];
  }

  /** Resolves when nothing is held back, or `signal` is aborted. */
  async untilFree(signal: AbortSignal): Promise<void> {
    if (this.#pressure === undefined) await this.look();
    while (this.#since !== undefined && !signal.aborted) {
      const woken = new AbortController();
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true, signal: woken.signal });
      });
      woken.abort();
    }
  }

  /** Looks at the server. A connection that breaks meanwhile is the concern of the lock; the next look asks again. */
  async look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => (this.#looking = undefined));
    await this.#looking;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#go();
  }

  async #lookOnce(): Promise<void> {
    const client = this.#options.client();
    if (isAwaitingAnswer(client)) return;
    try {
      const pressure = await readPressure(client, this.#options.limits, this.#lags);
      this.#pressure = pressure;
      this.#blind ||= pressure.blind;
      const said = describePressure(pressure, this.#options.limits);
      if (said === undefined) this.#go();
      else this.#hold(said);
    } catch {
      // Where nothing can be read nothing is held back for long: the lock is asked for before each tenant.
    }
  }

  #hold({ reason, message }: { reason: string; message: string }): void {
    this.#since ??= performance.now();
    this.#reasons.add(reason);
    if (performance.now() - this.#saidAt < SAY_AGAIN_MS) return;
    this.#saidAt = performance.now();
    this.#options.onWait(`No more tenants are started for now: ${message}.`);
  }

  #go(): void {
    if (this.#since === undefined) return;
    this.#heldMs += performance.now() - this.#since;
    this.#since = undefined;
    this.#saidAt = Number.NEGATIVE_INFINITY;
    this.#options.onWait('Tenants are started again.');
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
