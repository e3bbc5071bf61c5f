import type { Phase } from '../../engine/phases.js';
import { doneStatus, planNames } from '../../engine/plan.js';
import type { Direction, Plan } from '../../engine/types.js';
import type { TenantResult } from '../../executors/types.js';
import type { Cohort } from '../../fleet/cohorts.js';
import type { FleetEvent } from '../../fleet/types.js';
import type { DecidedCohort } from '../compile-phase.js';
import { makeReport, SHARED_SKIPPED } from '../report.js';
import { PhaseNotes, phaseWarnings } from '../rollout/phase-notes.js';
import { mergeStatements } from './merge-statements.js';
import { tryableOf } from './tryable.js';
import type { DryRunCohort, DryRunReport, DryRunResult, DryRunShared, TriedStatement } from './types.js';

type Tried = { cohort: Cohort; plan: Plan; tenants: string[]; statements: TriedStatement[][] };

/** What a dry run has found out so far; tells the listener of it in the words of a run. */
export class DryRunRecord {
  readonly #startedAt = performance.now();
  readonly #onEvent: ((event: FleetEvent) => void) | undefined;
  readonly #results = new Map<string, DryRunResult>();
  readonly #tried: Tried[] = [];
  readonly #warnings: string[] = [];
  #direction: Direction = 'up';
  #upToDate = 0;
  #total = 0;
  shared: DryRunShared = { ...SHARED_SKIPPED, status: 'skipped', statements: [], notTried: [] };

  /** What the phase of the run would leave. */
  readonly phase: PhaseNotes;

  constructor(onEvent: ((event: FleetEvent) => void) | undefined, phase: Phase | undefined) {
    this.#onEvent = onEvent;
    this.phase = new PhaseNotes(phase);
  }

  readonly emit = (event: FleetEvent): void => {
    try {
      this.#onEvent?.(event);
    } catch {
      // A listener only looks on.
    }
  };

  warn(message: string): void {
    this.#warnings.push(message);
  }

  /** Records the tenants that have nothing to do or cannot do it, and returns the cohorts that have something to run. */
  plan(decided: readonly DecidedCohort[], direction: Direction): { cohort: Cohort; plan: Plan }[] {
    this.#direction = direction;
    this.phase.noteCohorts(decided);
    const refused: DryRunResult[] = [];
    let pending = 0;
    for (const one of decided) {
      const { members } = one.cohort;
      if (one.kind === 'skipped') continue;
      this.#total += members.length;
      if (one.kind === 'upToDate') this.#upToDate += members.length;
      else if (one.kind === 'refused') refused.push(...one.results.flatMap((result) => ofRefused(result)));
      else {
        pending += members.length;
        this.#tried.push({ cohort: one.cohort, plan: one.plan, tenants: [], statements: [] });
      }
    }
    const [total, upToDate, cohorts] = [this.#total, this.#upToDate, decided.length];
    if (cohorts > 0) this.emit({ type: 'surveyed', total, upToDate, pending, blocked: refused.length, cohorts });
    for (const result of refused) this.settle(result);
    return this.#tried;
  }

  settleShared(found: Partial<DryRunShared> & Pick<DryRunShared, 'status'>): void {
    this.shared = { ...this.shared, ...found };
    const { status, migrations, error } = this.shared;
    const told = { wouldApply: 'applied', wouldFail: 'failed', upToDate: 'upToDate', skipped: 'skipped' } as const;
    this.emit({ type: 'shared', result: { status: told[status], migrations, error } });
  }

  settle(result: DryRunResult): void {
    this.#results.set(result.tenant, result);
    this.emit({ type: 'tenant:done', result: this.asRun(result.tenant) });
  }

  settleTried(cohort: Cohort, tenant: string, statements: TriedStatement[], result: DryRunResult): void {
    const tried = this.#tried.find((one) => one.cohort === cohort);
    if (result.status !== 'notExecuted') {
      tried?.tenants.push(tenant);
      tried?.statements.push(statements);
    }
    this.settle(result);
  }

  /** The result as a run would have it. */
  asRun(tenant: string): TenantResult {
    const result = this.#results.get(tenant);
    if (result === undefined) return { tenant, status: 'upToDate' };
    switch (result.status) {
      case 'wouldApply': {
        const { migrations, durationMs } = result;
        return { tenant, status: doneStatus(this.#direction), migrations, durationMs };
      }
      case 'wouldFail': {
        const { status: _status, ...rest } = result;
        return { ...rest, status: 'failed', committed: [] };
      }
      default:
        return result;
    }
  }

  report(ending: { concurrency: number; interrupted: boolean; lostTo: string | undefined }): DryRunReport {
    const results = [...this.#results.values()];
    const lostLock = results.some((result) => result.status === 'notExecuted' && result.reason === 'lockLost');
    const left = this.phase.report;
    const plain = makeReport({
      startedAt: this.#startedAt,
      executor: 'standard',
      processes: 1,
      concurrency: ending.concurrency,
      shared: SHARED_SKIPPED,
      total: this.#total,
      upToDate: this.#upToDate,
      results: results.map(({ tenant }) => this.asRun(tenant)),
      warnings: [...this.#warnings, ...phaseWarnings(left)],
      interrupted: ending.interrupted,
      overtaken: lostLock && ending.lostTo !== undefined,
    });
    const cohorts = this.#tried.map((tried) => cohortOf(tried, this.#results));
    const notTried = Math.max(0, this.#total - this.#upToDate - results.length);
    return {
      ...plain,
      ...left,
      shared: this.shared,
      tenants: { ...plain.tenants, notTried },
      results,
      cohorts,
    };
  }
}

function ofRefused(result: TenantResult): DryRunResult[] {
  if (result.status === 'missing') return [{ tenant: result.tenant, status: 'missing' }];
  if (result.status !== 'failed') return [];
  const { tenant, migration, error } = result;
  return [{ tenant, status: 'wouldFail', ...(migration === undefined ? {} : { migration }), error }];
}

function cohortOf(
  { cohort, plan, tenants, statements }: Tried,
  results: ReadonlyMap<string, DryRunResult>,
): DryRunCohort {
  const notTried = new Map(tryableOf(plan).notTried.map((one) => [one.migration, one]));
  for (const tenant of tenants) {
    const result = results.get(tenant);
    if (result?.status !== 'wouldApply') continue;
    for (const one of result.notTried ?? []) if (!notTried.has(one.migration)) notTried.set(one.migration, one);
  }
  return {
    type: cohort.type,
    last: cohort.applied.at(-1) ?? null,
    applied: cohort.applied.length,
    pending: planNames(plan),
    count: cohort.members.length,
    tenants: cohort.members.map(({ schema }) => schema),
    tried: tenants,
    statements: mergeStatements(statements),
    notTried: [...notTried.values()],
  };
}
