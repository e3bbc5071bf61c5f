import type { Phase } from '../engine/phases.js';
import { serializeError } from '../errors/serialize.js';
import type { TenantResult } from '../executors/types.js';
import type { FleetEvent, SharedResult } from '../fleet/types.js';
import { makeReport } from './report.js';
import { PhaseNotes, phaseWarnings } from './rollout/phase-notes.js';
import type { MigrateReport } from './types.js';

export type FailedResult = TenantResult & { status: 'failed' };

/** What a run knows at its end beside what it has recorded. */
export type Ending = {
  executor: string;
  concurrency: number;
  shared: SharedResult;
  warnings: readonly string[];
  interrupted: boolean;
  /** The holder of the lock that the run lost. */
  lostTo: string | undefined;
};

/** What has happened to each tenant of a run; tells the listener of it. */
export class RunRecord {
  readonly #startedAt = performance.now();
  readonly #onEvent: ((event: FleetEvent) => void) | undefined;
  readonly #results = new Map<string, TenantResult>();
  /** With the migrations that they have. */
  readonly #upToDate = new Map<string, readonly string[]>();
  /** Results that another round is expected to replace. */
  readonly #held = new Set<string>();
  /** Migrations of an earlier round that survived a crash of the server; later results are added to them. */
  readonly #survived = new Map<string, FailedResult>();
  readonly #warnings: string[] = [];
  /** Workers that were alive at once, at most. */
  #workers = 0;
  /** The wave that the run is at, if it goes by waves. */
  wave: { current: number; of: number } | undefined;

  /** What the phase of the run leaves. */
  readonly phase: PhaseNotes;

  constructor(onEvent: ((event: FleetEvent) => void) | undefined, phase?: Phase) {
    this.#onEvent = onEvent;
    this.phase = new PhaseNotes(phase);
  }

  /** Tenants of which it is known what became of them; at the end, all that the run was about. */
  get total(): number {
    return this.#results.size + this.#upToDate.size;
  }

  get upToDate(): number {
    return this.#upToDate.size;
  }

  /** It is known already what became of the tenant. */
  has(tenant: string): boolean {
    return this.#results.has(tenant) || this.#upToDate.has(tenant);
  }

  /** What became of each tenant so far, in all rounds together. */
  get results(): ReadonlyMap<string, TenantResult> {
    return this.#results;
  }

  /** The tenants that were up to date, with the migrations that they had. */
  get current(): ReadonlyMap<string, readonly string[]> {
    return this.#upToDate;
  }

  set(result: TenantResult): void {
    this.#held.delete(result.tenant);
    this.#upToDate.delete(result.tenant);
    this.#results.set(result.tenant, this.#withSurvived(result));
  }

  /** The server has lost what was done; `committed` is all that survived of this run's work, and counts as such. */
  recordLost(result: FailedResult): void {
    this.#survived.delete(result.tenant);
    this.set(result);
    if (result.committed.length > 0) this.#survived.set(result.tenant, result);
  }

  #withSurvived(result: TenantResult): TenantResult {
    const survived = this.#survived.get(result.tenant);
    if (survived === undefined) return result;
    if (result.status === 'notExecuted') return survived;
    if (result.status === 'failed') return { ...result, committed: [...survived.committed, ...result.committed] };
    if (!('migrations' in result)) return result;
    return { ...result, migrations: [...survived.committed, ...result.migrations] };
  }

  /** A result that is the last word about the tenant, and is announced. */
  settle(result: TenantResult): void {
    this.set(result);
    this.emit({ type: 'tenant:done', result });
  }

  /** A result that another round is expected to replace. It is announced only if that does not happen. */
  hold(result: TenantResult): void {
    this.set(result);
    this.#held.add(result.tenant);
  }

  /** Tenants whose result is held. */
  get held(): string[] {
    return [...this.#held];
  }

  /** There are no more rounds: what was held is the last word. */
  settleHeld(): void {
    for (const tenant of this.held) {
      const result = this.#results.get(tenant);
      if (result !== undefined) this.settle(result);
    }
  }

  /**
   * Nothing is left to do for the tenant.
   *
   * @param done the status for what this run has done before
   * @param applied the migrations that it has
   */
  settleUpToDate(tenant: string, done: 'applied' | 'rolledBack', applied: readonly string[]): void {
    if (this.#survived.has(tenant)) this.set({ tenant, status: done, migrations: [], durationMs: 0 });
    else this.#upToDate.set(tenant, applied);
  }

  /** The tenant gets another result. */
  forget(tenant: string): void {
    this.#held.delete(tenant);
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
    const left = this.phase.report;
    const report = makeReport({
      ...ending,
      startedAt: this.#startedAt,
      processes: Math.max(1, this.#workers),
      total: this.total,
      upToDate: this.#upToDate.size,
      results,
      ...(this.wave === undefined ? {} : { wave: this.wave }),
      warnings: [...warnings, ...this.#warnings, ...phaseWarnings(left)],
      overtaken,
    });
    return { ...report, ...left };
  }
}
