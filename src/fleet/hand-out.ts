import type { EngineLane } from '../engine/lane.js';
import type { Plan, TenantWork } from '../engine/types.js';
import type { Executor, NotExecutedReason, TenantResult } from '../executors/types.js';
import { applySettings } from './source.js';
import type { Cohort } from './cohorts.js';
import type { Project } from './project.js';
import type { FleetEvent } from './types.js';

/** A cohort with what it must run. */
export type PlannedCohort = { cohort: Cohort; plan: Plan };

export type HandOut = {
  project: Project;
  executor: Executor;
  concurrency: number;
  plans: ReadonlyMap<string, Plan>;
  openLane: () => EngineLane;
  stop: StopSign;
  /** Whether tenants that have moved get another round: then their result is not the last word. */
  anotherRound: boolean;
  /** Asked before each tenant is handed out; false when the fleet lock is gone for good. */
  holdsLock: () => Promise<boolean>;
  drain: AbortSignal;
  cancel: AbortSignal;
  onEvent: (event: FleetEvent) => void;
};

/** Why nothing more is handed out, once that is so. The first reason stays. */
export class StopSign {
  #reason: NotExecutedReason | undefined;
  #failures = 0;
  readonly #failFast: boolean;
  readonly #maxFailures: number | undefined;
  readonly #onStop: (reason: NotExecutedReason) => void;

  constructor(failFast: boolean, maxFailures: number | undefined, onStop: (reason: NotExecutedReason) => void) {
    this.#failFast = failFast;
    this.#maxFailures = maxFailures;
    this.#onStop = onStop;
  }

  get reason(): NotExecutedReason | undefined {
    return this.#reason;
  }

  set(reason: NotExecutedReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#onStop(reason);
  }

  /** Counts a result against the budget of failures. */
  count(result: TenantResult): void {
    if (result.status !== 'failed') return;
    this.#failures += 1;
    if (this.#failFast) this.set('failFast');
    else if (this.#maxFailures !== undefined && this.#failures > this.#maxFailures) this.set('maxFailures');
  }
}

/**
 * Applies plans to cohorts: the canaries of each cohort alone, then everyone else through the executor. Every member gets
 * exactly one result.
 */
export async function handOut(cohorts: readonly PlannedCohort[], options: HandOut): Promise<TenantResult[]> {
  const results: TenantResult[] = [];
  const record = (result: TenantResult): void => {
    results.push(result);
    if (isMoved(result) && options.anotherRound) return;
    options.stop.count(result);
    options.onEvent({ type: 'tenant:done', result });
  };
  const rest: TenantWork[] = [];
  for (const planned of cohorts) {
    const work = workOf(planned);
    const canaries = work.length > options.project.canary ? options.project.canary : 0;
    const failed = await tryCanaries(work.slice(0, canaries), options, record);
    if (failed)
      for (const { tenant } of work.slice(canaries)) record(notExecuted(tenant, options.stop.reason ?? 'canaryFailed'));
    else rest.push(...work.slice(canaries));
  }
  await execute(rest, options, record);
  return results;
}

function workOf({ cohort, plan }: PlannedCohort): TenantWork[] {
  return cohort.members.map(({ schema, oid }) => ({ tenant: schema, planId: plan.id, schemaOid: oid }));
}

/** True when a canary has failed; its fellows after it are not tried. */
async function tryCanaries(
  canaries: readonly TenantWork[],
  options: HandOut,
  record: (result: TenantResult) => void,
): Promise<boolean> {
  if (canaries.length === 0) return false;
  const lane = options.openLane();
  let failed = false;
  try {
    for (const work of canaries) {
      const reason = options.stop.reason ?? (failed ? 'canaryFailed' : undefined);
      if (reason !== undefined) {
        record(notExecuted(work.tenant, reason));
        continue;
      }
      options.onEvent({ type: 'tenant:start', tenant: work.tenant });
      const result = await lane.apply(work);
      record(result);
      failed = result.status === 'failed' && !isMoved(result);
    }
  } finally {
    await lane.close();
  }
  return failed;
}

async function execute(
  work: readonly TenantWork[],
  options: HandOut,
  record: (result: TenantResult) => void,
): Promise<void> {
  const { executor, project, stop } = options;
  const open = new Map(work.map((one) => [one.tenant, one]));
  async function* queue(): AsyncGenerator<TenantWork> {
    for (const one of work) {
      if (stop.reason !== undefined) return;
      if (!(await options.holdsLock())) stop.set('lockLost');
      if (stop.reason !== undefined) return;
      yield one;
    }
  }
  const settle = (result: TenantResult): void => {
    // A result that was not asked for, or a second one, would be an executor's mistake: the first counts.
    if (open.delete(result.tenant)) record(result);
  };
  if (work.length > 0 && stop.reason === undefined) {
    const context = {
      plans: options.plans,
      settings: applySettings(project),
      concurrency: Math.min(options.concurrency, work.length),
      maxProcesses: project.maxProcesses,
      chunkSize: project.chunkSize,
      drain: options.drain,
      cancel: options.cancel,
      openLane: () => Promise.resolve(options.openLane()),
      onStart: (tenant: string) => options.onEvent({ type: 'tenant:start', tenant }),
    };
    for await (const result of executor.execute(queue(), context)) settle(result);
  }
  for (const tenant of open.keys()) settle(notExecuted(tenant, stop.reason ?? 'interrupted'));
}

/** Somebody changed the tenant meanwhile: it is surveyed again and gets another round. */
export function isMoved(result: TenantResult): boolean {
  return result.status === 'failed' && result.error.code === 'TENANT_MOVED' && result.committed.length === 0;
}

function notExecuted(tenant: string, reason: NotExecutedReason): TenantResult {
  return { tenant, status: 'notExecuted', reason };
}
