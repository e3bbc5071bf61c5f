import type { NotExecutedReason, TenantResult } from '../executors/types.js';
import { failuresAllowed, type FailureBudget } from '../util/failure-budget.js';

export type StopSignOptions = {
  failFast: boolean;
  maxFailures: FailureBudget;
  /** Told once, before `signal` is aborted. */
  onStop: (reason: NotExecutedReason) => void;
};

/** Why nothing more is handed out, once that is so. The first reason stays. */
export class StopSign {
  readonly #options: StopSignOptions;
  readonly #stopped = new AbortController();
  /** Takes the listeners off the caller's signals, which may outlive the run. */
  readonly #closed = new AbortController();
  #reason: NotExecutedReason | undefined;
  #failures = 0;
  #allowed: number | undefined;

  constructor(options: StopSignOptions) {
    this.#options = options;
  }

  get reason(): NotExecutedReason | undefined {
    return this.#reason;
  }

  /** Aborted once there is a reason. */
  get signal(): AbortSignal {
    return this.#stopped.signal;
  }

  set(reason: NotExecutedReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#options.onStop(reason);
    this.#stopped.abort();
  }

  /** Stops when a signal of the caller's is aborted. */
  follow(signal: AbortSignal | undefined): void {
    if (signal?.aborted === true) this.set('interrupted');
    signal?.addEventListener('abort', () => this.set('interrupted'), { signal: this.#closed.signal });
  }

  /** The number of tenants that are handed out, of which the budget of failures may be a share. */
  expect(total: number): void {
    this.#allowed = failuresAllowed(this.#options.maxFailures, total);
  }

  /** Counts a result against the budget of failures. */
  count(result: TenantResult): void {
    if (result.status !== 'failed') return;
    const { failFast } = this.#options;
    this.#failures += 1;
    // A lane that gets no connection would fail one tenant after the other faster than the lanes that work.
    if (UNREACHABLE.has(result.error.code)) this.set('unreachable');
    else if (failFast) this.set('failFast');
    else if (this.#allowed !== undefined && this.#failures >= this.#allowed) this.set('maxFailures');
  }

  /** The run is over. */
  close(): void {
    this.#closed.abort();
  }
}

/** What a lane says that gets no connection, after all its retries. */
const UNREACHABLE: ReadonlySet<string> = new Set(['DATABASE_UNREACHABLE', 'DATABASE_REFUSED']);
