import { setImmediate } from 'node:timers/promises';

import { SQLSTATE } from '../db/sqlstates.js';
import type { EngineLane } from '../engine/apply/lane.js';
import type { ApplySettings, Plan, TenantAssignment } from '../engine/types.js';
import { serializeError } from '../errors/serialize.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { Parallelism } from '../executors/fit-connections.js';
import type { Executor, NotExecutedReason, TenantResult } from '../executors/types.js';
import type { Cohort } from '../fleet/cohorts.js';
import type { FleetEvent } from '../fleet/types.js';
import { hookSource } from '../project/hook-calls.js';
import type { Project } from '../project/project.js';
import { canaryCount, chosenCanary } from './rollout/canary.js';
import type { Pacing } from './rollout/pacing.js';
import type { StopSign } from './stop-sign.js';

/** A cohort with what it must run. */
export type PlannedCohort = {
  cohort: Cohort;
  plan: Plan;
  /** Another tenant of the same type has all migrations of the plan: it needs no canary. */
  proven?: boolean;
};

export type DispatchOptions = {
  project: Project;
  executor: Executor;
  parallelism: Parallelism;
  plans: ReadonlyMap<string, Plan>;
  settings: ApplySettings;
  openLane: () => Promise<EngineLane>;
  stop: StopSign;
  /** When the next tenant may be handed out. */
  pacing: Pacing;
  cancel: AbortSignal;
  /** Asked before each tenant is handed out; false when the fleet lock is gone for good. */
  holdsLock: () => Promise<boolean>;
  /** A lane is about to get the tenant. */
  onHandOut: (tenant: string) => void;
  onResult: (result: TenantResult) => void;
  onEvent: (event: FleetEvent) => void;
  /** So many workers are alive. */
  onWorkers: (alive: number) => void;
  /** The executor gave up; what it did before that stands. */
  onFailure: (error: unknown) => void;
};

/**
 * Applies plans to cohorts: the canaries of each cohort alone, then everyone else through the executor. Every member gets
 * exactly one result.
 */
export async function dispatch(cohorts: readonly PlannedCohort[], options: DispatchOptions): Promise<void> {
  const rest: TenantAssignment[] = [];
  for (const planned of cohorts) {
    const { failed, left } = await tryCanaries(planned, options);
    if (failed) {
      const reason = options.stop.reason ?? 'canaryFailed';
      for (const { tenant } of left) options.onResult(notExecuted(tenant, reason));
    } else {
      for (const one of left) rest.push(one);
    }
  }
  await execute(rest, options);
}

/** The tenants of a cohort, a chosen canary first. */
function assignmentsOf({ cohort, plan }: PlannedCohort, chosen: string | undefined): TenantAssignment[] {
  const first = cohort.members.filter(({ schema }) => schema === chosen);
  const members =
    first.length === 0 ? cohort.members : [...first, ...cohort.members.filter(({ schema }) => schema !== chosen)];
  return members.map(({ schema, oid }) => ({ tenant: schema, planId: plan.id, schemaOid: oid }));
}

/** Tenants in a row that may be busy before a cohort counts as one that cannot be tried now. */
const BUSY_CANARIES = 3;

/**
 * Tries a cohort's first tenants, one after the other, until enough of them have been migrated or have failed in as many ways. A tenant
 * that was changed since the survey, whose tables somebody else has locked, or whose node is away, proves nothing: the next one takes its
 * place.
 */
async function tryCanaries(
  planned: PlannedCohort,
  options: DispatchOptions,
): Promise<{ failed: boolean; left: readonly TenantAssignment[] }> {
  const { canary } = options.project;
  const chosen = chosenCanary(canary);
  const work = assignmentsOf(planned, chosen);
  const wanted = canaryCount(canary, work.length);
  const isChosen = chosen !== undefined && work[0]?.tenant === chosen;
  if (wanted === 0 || work.length <= wanted || (planned.proven === true && !isChosen)) {
    return { failed: false, left: work };
  }
  const lane = await options.openLane();
  const ways = new Set<string>();
  let tried = 0;
  try {
    for (let proven = 0, busy = 0; proven < wanted;) {
      const next = work[tried];
      if (next === undefined || (await mustStop(options))) break;
      tried += 1;
      options.onHandOut(next.tenant);
      options.onEvent({ type: 'tenant:start', tenant: next.tenant });
      const result = await lane.apply(next);
      options.onResult(result);
      if (result.status !== 'failed') proven += 1;
      else if (isBusy(result)) busy += 1;
      else if (!isMoved(result) && !isAway(result)) ways.add(wayOf(result));
      if (ways.size >= wanted || busy >= BUSY_CANARIES || isFatal(result)) {
        return { failed: true, left: work.slice(tried) };
      }
    }
  } finally {
    await lane.close();
  }
  return { failed: false, left: work.slice(tried) };
}

type Failed = Extract<TenantResult, { status: 'failed' }>;

/** Somebody else had the tenant, or its tables, for longer than the run may wait. */
function isBusy({ error }: Failed): boolean {
  return error.code === 'TENANT_BUSY' || error.sqlstate === SQLSTATE.lockNotAvailable;
}

/** The node that Citus has placed the tenant on does not answer: other tenants are on others. */
function isAway({ error }: Failed): boolean {
  return error.code === 'NODE_UNREACHABLE';
}

/** Failures of one kind are one: the same migration, at the same place. */
function wayOf({ error, migration }: Failed): string {
  return JSON.stringify([migration ?? error.migration, error.sqlstate ?? error.code, error.line ?? error.statement]);
}

/** Errors of data (SQLSTATE classes 22 and 23) are a tenant's own; anything else would happen to the next one, too. */
function isFatal(result: TenantResult): boolean {
  if (result.status !== 'failed' || isBusy(result) || isMoved(result) || isAway(result)) return false;
  return !/^2[23]/.test(result.error.sqlstate ?? '');
}

/** Asked before each tenant, once it may be handed out. */
async function mustStop({ stop, pacing, holdsLock }: DispatchOptions): Promise<boolean> {
  await pacing.turn();
  if (stop.reason === undefined && !(await holdsLock())) stop.set('lockLost');
  return stop.reason !== undefined;
}

async function execute(work: readonly TenantAssignment[], options: DispatchOptions): Promise<void> {
  const { executor, project, parallelism, stop } = options;
  const open = new Set(work.map(({ tenant }) => tenant));
  const taken = new Set<string>();
  async function* queue(): AsyncGenerator<TenantAssignment> {
    for (const one of work) {
      // The result of the tenant before is on its way to `settle`: it may be what ends the run.
      await setImmediate();
      if (await mustStop(options)) return;
      options.onHandOut(one.tenant);
      taken.add(one.tenant);
      yield one;
    }
  }
  const settle = (result: TenantResult): void => {
    // A result that was not asked for, or a second one, would be an executor's mistake: the first counts.
    if (open.delete(result.tenant)) options.onResult(result);
  };
  if (work.length > 0 && stop.reason === undefined) {
    const context = {
      plans: options.plans,
      settings: options.settings,
      hooks: hookSource(project),
      concurrency: Math.min(parallelism.concurrency, work.length),
      maxProcesses: parallelism.processes,
      chunkSize: options.pacing.isActive ? 1 : project.chunkSize,
      database: project.database,
      recycleAfter: project.recycle.tenants,
      drain: stop.signal,
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
  const stopped = stop.reason;
  for (const tenant of open) {
    if (stopped !== undefined) settle(notExecuted(tenant, stopped));
    else if (taken.has(tenant)) settle(withoutResult(tenant, executor));
  }
  if (open.size === 0) return;
  // Neither taken nor refused: the executor has ended before the queue did.
  stop.set('executorFailed');
  for (const tenant of open) settle(notExecuted(tenant, stop.reason ?? 'executorFailed'));
}

/** The tenant was changed since the survey: it is surveyed again and gets another round. */
export function isMoved(result: TenantResult): boolean {
  return result.status === 'failed' && result.error.code === 'TENANT_MOVED' && result.committed.length === 0;
}

function notExecuted(tenant: string, reason: NotExecutedReason): TenantResult {
  return { tenant, status: 'notExecuted', reason };
}

/** The executor has taken the tenant and not said what became of it: it may have been changed. */
function withoutResult(tenant: string, { name }: Executor): TenantResult {
  const error = new TenantsError('EXECUTOR_FAILED', `The executor "${name}" took the tenant and yielded no result.`, {
    tenant,
    suggestions: [
      'Run the same command again: it finds what was done and finishes the rest.',
      'An executor must yield a result for each tenant that it takes from the queue.',
    ],
  });
  return { tenant, status: 'failed', committed: [], error: serializeError(error), unknownOutcome: true };
}
