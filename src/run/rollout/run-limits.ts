import { TenantsError } from '../../errors/tenants-error.js';
import { roughDuration } from '../../util/duration.js';
import { clockIn, formatWindow, isInside, msUntilOpen } from '../../util/time-window.js';
import type { StopSign } from '../stop-sign.js';
import type { EffectiveRollout } from './effective-rollout.js';

/** Pause between two looks at the clock, in ms. */
const LOOK_MS = 1000;

type Limits = Pick<EffectiveRollout, 'maxDurationMs' | 'window'>;

/** Ends a run when its time is over: its longest duration, or the time of day. */
export class RunLimits {
  readonly #limits: Limits;
  readonly #stop: StopSign;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(limits: Limits, stop: StopSign) {
    this.#limits = limits;
    this.#stop = stop;
    const { maxDurationMs } = limits;
    if (maxDurationMs === undefined) return;
    this.#timers.push(setTimeout(() => stop.set('maxDuration'), maxDurationMs).unref());
  }

  /** Tenants are going to be started: from now on the time of day counts. */
  begin(): void {
    if (this.#limits.window === undefined) return;
    this.look();
    this.#timers.push(setInterval(() => this.look(), LOOK_MS).unref());
  }

  /** Looks at the clock now. */
  look(): void {
    const { window } = this.#limits;
    if (window !== undefined && !isInside(window, Date.now())) this.#stop.set('window');
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/** @throws TenantsError OUTSIDE_WINDOW when tenants must not be started now. */
export function assertInsideWindow({ window }: Limits, now: number): void {
  if (window === undefined || isInside(window, now)) return;
  throw new TenantsError(
    'OUTSIDE_WINDOW',
    `Tenants are started from ${formatWindow(window).replace('-', ' to ')} only, and it is ${clockIn(window.zone, now)} there; nothing was touched.`,
    {
      suggestions: [
        `The window opens in ${roughDuration(msUntilOpen(window, now))}.`,
        'To start tenants now all the same, add --window always.',
      ],
    },
  );
}
