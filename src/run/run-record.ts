import { serializeError } from '../errors/serialize.js';
import type { TenantResult } from '../executors/types.js';
import type { FleetEvent, MigrateReport, SharedResult } from '../fleet/types.js';
import { makeReport } from './report.js';

export type FailedResult = TenantResult & { status: 'failed' };

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
  /** What the server has left of what was done in an earlier round: whatever comes after comes on top of it. */
  readonly #left = new Map<string, FailedResult>();
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
    this.#results.set(result.tenant, this.#onTop(result));
  }

  /** The server has taken back what was done; `committed` is what it has left, and counts as this run's work. */
  takeBack(result: FailedResult): void {
    this.set(result);
    const whole = this.#results.get(result.tenant);
    if (whole?.status === 'failed' && whole.committed.length > 0) this.#left.set(result.tenant, whole);
  }

  #onTop(result: TenantResult): TenantResult {
    const left = this.#left.get(result.tenant);
    if (left === undefined) return result;
    if (result.status === 'notExecuted') return left;
    if (result.status === 'failed') return { ...result, committed: [...left.committed, ...result.committed] };
    if (!('migrations' in result)) return result;
    return { ...result, migrations: [...left.committed, ...result.migrations] };
  }

  /** A result that comes without a lane. */
  settle(result: TenantResult): void {
    this.set(result);
    this.emit({ type: 'tenant:done', result });
  }

  /** Nothing is left to do for the tenant; `done` is the status for what this run has done before. */
  settleUpToDate(tenant: string, done: 'applied' | 'rolledBack'): void {
    if (this.#left.has(tenant)) this.set({ tenant, status: done, migrations: [], durationMs: 0 });
    else this.#upToDate.add(tenant);
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
