import { serializeError } from '../errors/index.js';
import type { TenantResult } from '../executors/types.js';
import { makeReport } from './report.js';
import type { FleetEvent, MigrateReport, SharedResult } from './types.js';

/** What a run knows at its end beside what it has recorded. */
type Ending = {
  executor: string;
  concurrency: number;
  shared: SharedResult;
  warnings: readonly string[];
  interrupted: boolean;
  /** Whoever has the lock that the run lost. */
  lostTo: string | undefined;
};

/** What has happened to each tenant of a run, and whoever listens to it. */
export class RunRecord {
  readonly #startedAt = performance.now();
  readonly #onEvent: ((event: FleetEvent) => void) | undefined;
  readonly #results = new Map<string, TenantResult>();
  readonly #upToDate = new Set<string>();
  readonly #warnings: string[] = [];
  /** Workers that were alive at once, at most. */
  #workers = 0;
  #total = 0;

  constructor(onEvent: ((event: FleetEvent) => void) | undefined) {
    this.#onEvent = onEvent;
  }

  /** Tenants that the run is about. */
  get total(): number {
    return this.#total;
  }

  get upToDate(): number {
    return this.#upToDate.size;
  }

  /** So many tenants more, or fewer. */
  count(tenants: number): void {
    this.#total += tenants;
  }

  /** It is known already what became of the tenant. */
  has(tenant: string): boolean {
    return this.#results.has(tenant) || this.#upToDate.has(tenant);
  }

  set(result: TenantResult): void {
    this.#results.set(result.tenant, result);
  }

  /** A result that comes without a lane. */
  settle(result: TenantResult): void {
    this.set(result);
    this.emit({ type: 'tenant:done', result });
  }

  settleUpToDate(tenant: string): void {
    this.#upToDate.add(tenant);
  }

  /** The tenant gets another result. */
  forget(tenant: string): void {
    this.#results.delete(tenant);
  }

  warn(message: string): void {
    this.#warnings.push(message);
  }

  /** The executor gave up. */
  fail(error: unknown): void {
    this.warn(serializeError(error).message);
  }

  workers(alive: number): void {
    this.#workers = Math.max(this.#workers, alive);
  }

  emit(event: FleetEvent): void {
    try {
      this.#onEvent?.(event);
    } catch {
      // A listener only looks on.
    }
  }

  report({ warnings, lostTo, ...ending }: Ending): MigrateReport {
    const results = [...this.#results.values()];
    const lostLock = results.some((result) => result.status === 'notExecuted' && result.reason === 'lockLost');
    const overtaken = lostLock && lostTo !== undefined;
    if (overtaken) this.warn(`The run ended early: its lock is held by ${lostTo}.`);
    return makeReport({
      ...ending,
      startedAt: this.#startedAt,
      processes: Math.max(1, this.#workers),
      total: this.#total,
      upToDate: this.#upToDate.size,
      results,
      warnings: [...warnings, ...this.#warnings],
      overtaken,
    });
  }
}
