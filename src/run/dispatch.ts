import { setImmediate } from 'node:timers/promises';

import type { EngineLane } from '../engine/apply/lane.js';
import type { ApplySettings, Plan, TenantAssignment } from '../engine/types.js';
import type { Executor, NotExecutedReason, TenantResult } from '../executors/types.js';
import type { Cohort } from '../fleet/cohorts.js';
import type { FleetEvent } from '../fleet/types.js';
import { hookSource } from '../project/hook-calls.js';
import type { Project } from '../project/project.js';
import type { GroupCommit } from './group-commit.js';

/** A cohort with what it must run. */
export type PlannedCohort = { cohort: Cohort; plan: Plan };

export type DispatchOptions = {
  project: Project;
  executor: Executor;
  /** Lanes of each process, and processes where the executor has more than this one. */
  concurrency: number;
  maxProcesses: number;
  plans: ReadonlyMap<string, Plan>;
  settings: ApplySettings;
  /** Makes durable what lanes commit, where they do not wait for it. */
  commits: GroupCommit | undefined;
  openLane: () => Promise<EngineLane>;
  stop: StopSign;
  /** Whether tenants that have moved get another round: then their result is not the last word. */
  anotherRound: boolean;
  /** Asked before each tenant is handed out; false when the fleet lock is gone for good. */
  holdsLock: () => Promise<boolean>;
  drain: AbortSignal;
  cancel: AbortSignal;
  onEvent: (event: FleetEvent) => void;
  /** So many workers are alive. */
  onWorkers: (alive: number) => void;
  /** The executor gave up; what it did before that stands. */
  onFailure: (error: unknown) => void;
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
    // A lane that gets no connection would fail one tenant after the other faster than the lanes that work.
    if (UNREACHABLE.has(result.error.code)) this.set('unreachable');
    else if (this.#failFast) this.set('failFast');
    else if (this.#maxFailures !== undefined && this.#failures >= this.#maxFailures) this.set('maxFailures');
  }
}

/** What a lane says that gets no connection, after all its retries. */
const UNREACHABLE: ReadonlySet<string> = new Set(['DATABASE_UNREACHABLE', 'DATABASE_REFUSED']);

/**
 * Applies plans to cohorts: the canaries of each cohort alone, then everyone else through the executor. Every member gets
 * exactly one result.
 */
export async function dispatch(cohorts: readonly PlannedCohort[], options: DispatchOptions): Promise<TenantResult[]> {
  const results: TenantResult[] = [];
  const record = (result: TenantResult): void => {
    results.push(result);
    options.commits?.done(result);
    if (isMoved(result) && options.anotherRound) return;
    options.stop.count(result);
    options.onEvent({ type: 'tenant:done', result });
  };
  const rest: TenantAssignment[] = [];
  for (const planned of cohorts) {
    const work = workOf(planned);
    const { failed, left } = await tryCanaries(work, options, record);
    if (failed) for (const { tenant } of left) record(notExecuted(tenant, options.stop.reason ?? 'canaryFailed'));
    else for (const one of left) rest.push(one);
  }
  await execute(rest, options, record);
  return results;
}

function workOf({ cohort, plan }: PlannedCohort): TenantAssignment[] {
  return cohort.members.map(({ schema, oid }) => ({ tenant: schema, planId: plan.id, schemaOid: oid }));
}

/**
 * Tries a cohort's first tenants, one after the other, until enough of them have been migrated or one has failed. A tenant
 * that somebody has changed meanwhile proves nothing: the next one takes its place.
 */
async function tryCanaries(
  work: readonly TenantAssignment[],
  options: DispatchOptions,
  record: (result: TenantResult) => void,
): Promise<{ failed: boolean; left: readonly TenantAssignment[] }> {
  const { canary } = options.project;
  if (canary === 0 || work.length <= canary) return { failed: false, left: work };
  const lane = await options.openLane();
  let tried = 0;
  try {
    for (let proven = 0; proven < canary;) {
      const next = work[tried];
      if (next === undefined || (await mustStop(options))) break;
      tried += 1;
      options.commits?.noteStart(next.tenant);
      options.onEvent({ type: 'tenant:start', tenant: next.tenant });
      const result = await lane.apply(next);
      record(result);
      if (result.status === 'failed' && !isMoved(result)) return { failed: true, left: work.slice(tried) };
      if (result.status !== 'failed') proven += 1;
    }
  } finally {
    await lane.close();
  }
  return { failed: false, left: work.slice(tried) };
}

/** Asked before each tenant. */
async function mustStop({ stop, holdsLock }: DispatchOptions): Promise<boolean> {
  if (stop.reason === undefined && !(await holdsLock())) stop.set('lockLost');
  return stop.reason !== undefined;
}

async function execute(
  work: readonly TenantAssignment[],
  options: DispatchOptions,
  record: (result: TenantResult) => void,
): Promise<void> {
  const { executor, project, stop } = options;
  const open = new Map(work.map((one) => [one.tenant, one]));
  async function* queue(): AsyncGenerator<TenantAssignment> {
    for (const one of work) {
      // The result of the tenant before is on its way to `settle`: it may be what ends the run.
      await setImmediate();
      if (await mustStop(options)) return;
      options.commits?.noteStart(one.tenant);
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
      settings: options.settings,
      hooks: hookSource(project),
      concurrency: Math.min(options.concurrency, work.length),
      maxProcesses: options.maxProcesses,
      chunkSize: project.chunkSize,
      database: project.database,
      recycleAfter: project.recycle.tenants,
      drain: options.drain,
      cancel: options.cancel,
      openLane: options.openLane,
      onStart: (tenant: string) => options.onEvent({ type: 'tenant:start', tenant }),
      onWorkers: options.onWorkers,
      onOutput: (line: string) => options.onEvent({ type: 'warning', message: line }),
    };
    try {
      for await (const result of executor.execute(queue(), context)) settle(result);
    } catch (error) {
      options.onFailure(error);
      stop.set('executorFailed');
    }
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
