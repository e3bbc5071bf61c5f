import type { Client } from 'pg';

import { planNames } from '../../engine/plan.js';
import type { Plan } from '../../engine/types.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { STANDARD_CONCURRENCY } from '../../executors/standard.js';
import type { Cohort } from '../../fleet/cohorts.js';
import { possibleParallelism } from '../../fleet/parallelism.js';
import type { Project } from '../../project/project.js';
import { type LockedSession, withFleetLock } from '../../session/control-session.js';
import { heedCancel } from '../../session/heed-cancel.js';
import { forwardAbort, sharedAbortController } from '../../util/after-abort.js';
import { assertMigrateOptions } from '../assert-options.js';
import { checkFiles } from '../check-files.js';
import { compile } from '../compile-phase.js';
import { migrateUp, type RunDirection, rollBack } from '../direction.js';
import { type Prepared, prepareFailed, prepareUndo } from '../of-run.js';
import { type EffectiveRollout, effectiveRollout } from '../rollout/effective-rollout.js';
import { StopSign } from '../stop-sign.js';
import { survey } from '../survey-phase.js';
import type { MigrateOptions, RollbackOptions } from '../types.js';
import type { DryRun } from './context.js';
import { DryRunRecord } from './record.js';
import { sampleOf } from './sample.js';
import { sharedSequences, sequencesMoved } from './sequences.js';
import { tryShared } from './try-shared.js';
import { type CohortToTry, tryTenants } from './try-tenants.js';
import type { DryRunReport, Sample } from './types.js';

export type DryRunOptions = { sample?: Sample };

/**
 * Says what `migrate` would do by doing it: the migrations are really run, in a sample of each cohort's tenants, each in a transaction
 * that is rolled back. Nothing is changed and nothing recorded. Hooks are not called.
 *
 * It runs under the fleet lock and the tenants' locks, in lanes of this process whatever the executor. While a tenant is tried, its
 * statements hold the locks that they take.
 *
 * @throws TenantsError as `migrate` does before it begins.
 */
export async function dryRunMigrate(project: Project, options: MigrateOptions & DryRunOptions): Promise<DryRunReport> {
  assertMigrateOptions(options);
  const { failedOf } = options;
  const direction = migrateUp(project, options);
  const prepare =
    failedOf === undefined
      ? undefined
      : (client: Client) => prepareFailed(client, project, { ...options, failedOf }, direction);
  return await dryRun(project, options, direction, prepare);
}

/** The same of `rollback`. It needs no confirmation. */
export async function dryRunRollback(
  project: Project,
  options: RollbackOptions & DryRunOptions,
): Promise<DryRunReport> {
  const { target = { count: 1 }, run, ...rest } = options;
  const direction = rollBack(project, target, { fake: false, confirmed: true });
  const prepare =
    run === undefined
      ? undefined
      : (client: Client) => prepareUndo(client, project, { ...options, run, confirmed: true });
  return await dryRun(
    project,
    { ...rest, ...(run === undefined ? { target } : {}), skipSharedCheck: true },
    direction,
    prepare,
  );
}

type Given = Omit<MigrateOptions, 'target'> & {
  target?: MigrateOptions['target'] | RollbackOptions['target'];
} & DryRunOptions;

async function dryRun(
  project: Project,
  given: Given,
  direction: RunDirection,
  prepare: ((client: Client) => Promise<Prepared>) | undefined,
): Promise<DryRunReport> {
  const { sample, ...rest } = given;
  if (given.fake === true) {
    throw new TenantsError(
      'USAGE',
      'A dry run and --fake cannot be combined: with --fake nothing is run that could be tried.',
    );
  }
  const options = rest as MigrateOptions;
  const record = new DryRunRecord(options.onEvent, options.phase);
  const stop = new StopSign({
    failFast: options.failFast === true,
    maxFailures: project.maxFailures,
    onStop: (reason) => record.emit({ type: 'stopping', reason }),
  });
  const canceled = sharedAbortController();
  const ended = new AbortController();
  try {
    forwardAbort(options.cancel, canceled, ended.signal);
    stop.follow(options.drain);
    stop.follow(options.cancel);
    const spread = rolloutWarning(effectiveRollout(project, options, direction.command));
    if (spread !== undefined) record.warn(spread);
    record.emit({ type: 'phase', phase: 'connect' });
    const lock = { drain: stop.signal, cancel: canceled.signal, onEvent: record.emit };
    return await withFleetLock(project, direction.command, lock, async (session) => {
      const plain: Prepared = { options, direction, warnings: [] };
      const prepared = prepare === undefined ? plain : await prepare(session.client);
      for (const warning of prepared.warnings) record.warn(warning);
      const context = { project, ...prepared, sample, record, stop, cancel: canceled.signal };
      const concurrency = await runPhases(context, session);
      const interrupted = options.drain?.aborted === true || canceled.signal.aborted;
      return record.report({ concurrency, interrupted, lostTo: session.lostTo() });
    });
  } finally {
    ended.abort();
    stop.close();
  }
}

async function runPhases(run: DryRun, session: LockedSession): Promise<number> {
  const { project, record, direction } = run;
  const wanted = project.concurrency ?? STANDARD_CONCURRENCY;
  record.emit({ type: 'phase', phase: 'survey' });
  const surveyed = await heedCancel(run, session.client, (signal) =>
    survey(session.client, { ...run, cancel: signal }, wanted),
  );
  const checked = await heedCancel(run, session.client, () => checkFiles(session.client, run, surveyed));
  for (const warning of checked?.warnings ?? []) record.warn(warning);
  record.emit({ type: 'phase', phase: 'compile' });
  const planned = await heedCancel(run, session.client, () => compile(session.client, run, surveyed));
  if (run.options.selection.kind !== 'tenants') record.phase.noteShared(surveyed.shared.phase);
  const decided = planned.tenants ?? [];
  const cohorts = record.plan(decided, direction.direction);
  for (const warning of [...planned.planner.warnings, ...hookWarnings(project, direction, cohorts)]) {
    record.warn(warning);
  }

  const before = await sharedSequences(session.client, project);
  const shared = await tryShared(run, surveyed.shared, planned.shared);
  if (record.shared.status === 'wouldFail') {
    for (const { cohort } of cohorts) {
      for (const { schema } of cohort.members) {
        record.settle({ tenant: schema, status: 'notExecuted', reason: 'sharedFailed' });
      }
    }
    return 1;
  }
  const toTry = await heedCancel(run, session.client, async () => {
    const all: CohortToTry[] = [];
    for (const { cohort, plan } of cohorts) {
      const members = await sampleOf(session.client, cohort, run.sample, project.canary);
      all.push({ cohort, plan, members, files: surveyed.fleet?.files.get(cohort.type) ?? [] });
    }
    return all;
  });
  const total = toTry.reduce((sum, { members }) => sum + members.length, 0);
  if (total === 0) return wanted;
  run.stop.expect(total);
  record.emit({ type: 'phase', phase: 'tenants', total });
  // Each lane would lock what the shared migrations change. One at a time, times and WAL are those of one tenant.
  const lanes = shared === undefined && run.sample === 'all' ? wanted : 1;
  const { parallelism, warning } = await possibleParallelism(
    session.client,
    project,
    { processes: 1, concurrency: lanes },
    total,
  );
  if (warning !== undefined) record.warn(warning);
  await tryTenants(run, session, toTry, shared, parallelism.concurrency);
  for (const moved of sequencesMoved(before, await sharedSequences(session.client, project))) record.warn(moved);
  return parallelism.concurrency;
}

/** It changes nothing, so it need not wait for anything. */
function rolloutWarning({ waves, window, delayMs, ...limits }: EffectiveRollout): string | undefined {
  const others = delayMs ?? limits.maxDurationMs ?? limits.maxReplicaLagMs ?? limits.maxLockWaits;
  if (waves === undefined && window === undefined && others === undefined) return undefined;
  return 'The rollout is not tried: a dry run looks at tenants of all waves, now, and with no regard to its window, limits and pauses.';
}

/** Hooks may do what a rollback does not undo. */
function hookWarnings(
  project: Project,
  { direction }: RunDirection,
  cohorts: readonly { cohort: Cohort; plan: Plan }[],
): string[] {
  if (!cohorts.some(({ plan }) => planNames(plan).length > 0)) return [];
  const names =
    direction === 'up' ? (['beforeMigrate', 'afterMigrate'] as const) : (['beforeRollback', 'afterRollback'] as const);
  const set = names.filter((name) => project.hooks?.[name] !== undefined);
  if (set.length === 0) return [];
  return [`Not tried: ${set.join(' and ')}. A dry run calls no hooks, because a rollback may not undo what they do.`];
}
