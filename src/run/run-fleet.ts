import type { Client } from 'pg';

import { planNames } from '../engine/plan.js';
import { findExecutor } from '../executors/find-executor.js';
import type { Executor } from '../executors/types.js';
import { wantedParallelism } from '../fleet/parallelism.js';
import type { FleetEvent } from '../fleet/types.js';
import type { RunJournal } from '../journal/write/run-journal.js';
import { hookSource } from '../project/hook-calls.js';
import type { Project } from '../project/project.js';
import { type LockedSession, withFleetLock } from '../session/control-session.js';
import { heedCancel } from '../session/heed-cancel.js';
import { forwardAbort, sharedAbortController } from '../util/after-abort.js';
import { asFoundWarning, checkFiles, filesToRecord } from './check-files.js';
import { compile } from './compile-phase.js';
import type { RunDirection } from './direction.js';
import { secureShared } from './durability/secure-commits.js';
import { RunHookCalls } from './hooks/run-hook-calls.js';
import type { Prepared } from './of-run.js';
import { countMembers, recordPlans } from './record-plans.js';
import { assertCanaryKnown } from './rollout/canary.js';
import { effectiveRollout } from './rollout/effective-rollout.js';
import { rolloutOrder } from './rollout/find-rollout.js';
import { openPacing } from './rollout/pacing.js';
import { assertInsideWindow, RunLimits } from './rollout/run-limits.js';
import { completeRecords, createJournal, placesReader, recorded } from './run-journal.js';
import { type Ending, RunRecord } from './run-record.js';
import type { Run } from './run.js';
import { applyShared } from './shared-phase.js';
import { StopSign } from './stop-sign.js';
import { survey } from './survey-phase.js';
import { applyToTenants, planAfterShared } from './tenant-phase.js';
import type { MigrateOptions, MigrateReport } from './types.js';

/**
 * What `migrate` and `rollback` have in common: everything but the direction.
 *
 * @param prepare reads what the run goes by from the records of earlier runs, once it has the lock
 */
export async function runFleet(
  project: Project,
  options: MigrateOptions,
  direction: RunDirection,
  prepare?: (client: Client) => Promise<Prepared>,
): Promise<MigrateReport> {
  return await withExecutor(project, async (executor) => {
    let journal: RunJournal | undefined;
    const record = new RunRecord((event) => {
      journal?.handle(event);
      options.onEvent?.(event);
    }, options.phase);
    const stop = new StopSign({
      failFast: options.failFast === true,
      maxFailures: project.maxFailures,
      onStop: (reason) => record.emit({ type: 'stopping', reason }),
    });
    const rollout = effectiveRollout(project, options, direction.command);
    const limits = new RunLimits(rollout, stop);
    const canceled = sharedAbortController();
    const ended = new AbortController();
    const cancel = canceled.signal;
    try {
      forwardAbort(options.cancel, canceled, ended.signal);
      stop.follow(options.drain);
      stop.follow(options.cancel);
      record.emit({ type: 'phase', phase: 'connect' });
      const lock = { drain: stop.signal, cancel, onEvent: (event: FleetEvent) => record.emit(event) };
      return await withFleetLock(project, direction.command, lock, async (session) => {
        const prepared = await prepareRun(project, session, { options, direction, warnings: [] }, prepare);
        for (const warning of prepared.warnings) record.warn(warning);
        journal = createJournal(project, session, direction.command, prepared.options);
        const pacing = openPacing(rollout, session, record, stop);
        const runId = (): number | null => journal?.run ?? null;
        const hooks = new RunHookCalls(project, prepared.options, direction, runId, cancel);
        const run: Run = {
          project,
          ...prepared,
          executor,
          record,
          journal,
          hooks,
          stop,
          cancel,
          rollout,
          limits,
          pacing,
        };
        const work = async (): Promise<MigrateReport> => {
          const outcome = await runPhases(run, session).finally(() => pacing.close());
          for (const warning of pacing.warnings) record.warn(warning);
          const interrupted = options.drain?.aborted === true || cancel.aborted;
          const report = { executor: executor.name, ...outcome, interrupted, lostTo: session.lostTo() };
          return { ...record.report(report), ...pacing.report };
        };
        return await recorded(journal, options, () => hooks.around(work, options.invocation?.signalExitCode));
      });
    } finally {
      ended.abort();
      limits.close();
      stop.close();
    }
  });
}

async function prepareRun(
  project: Project,
  session: LockedSession,
  plain: Prepared,
  prepare: ((client: Client) => Promise<Prepared>) | undefined,
): Promise<Prepared> {
  if (prepare === undefined) return plain;
  await completeRecords(project, session);
  return await prepare(session.client);
}

type Outcome = Pick<Ending, 'shared' | 'warnings' | 'concurrency'>;

/** Survey, compile, apply the shared plan, apply those of tenants. Nothing is changed before everything is compiled. */
async function runPhases(run: Run, session: LockedSession): Promise<Outcome> {
  const { project, options, direction, executor, record } = run;
  const wanted = wantedParallelism(project, executor);

  record.emit({ type: 'phase', phase: 'survey' });
  const surveyed = await heedCancel(run, session.client, (signal) =>
    survey(session.client, { ...run, cancel: signal }, wanted.concurrency),
  );
  const checked = await heedCancel(run, session.client, () => checkFiles(session.client, run, surveyed));
  for (const warning of [...(checked?.warnings ?? []), ...asFoundWarning(checked)]) record.warn(warning);

  if (surveyed.fleet !== undefined) {
    const names = surveyed.fleet.registered.map(({ schema }) => schema);
    assertCanaryKnown(project.canary, names);
  }

  record.emit({ type: 'phase', phase: 'compile' });
  const { planner, ...planned } = await heedCancel(run, session.client, () => compile(session.client, run, surveyed));
  if (options.selection.kind !== 'tenants') record.phase.noteShared(surveyed.shared.phase);
  const cohorts = planned.tenants && recordPlans(record, direction.direction, planned.tenants);
  if (countMembers(cohorts ?? []) > 0) assertInsideWindow(run.rollout, Date.now());
  const begin = {
    shared: planned.shared === undefined ? [] : planNames(planned.shared),
    files: await filesToRecord(checked, planned),
    readPlaces: placesReader(project, session),
  };
  await heedCancel(run, session.client, () => run.journal.begin(begin));
  await run.hooks.before({ shared: begin.shared, tenants: countMembers(cohorts ?? []) });

  const shared = await applyShared(run, session, surveyed.shared, planned.shared);
  const outcome = { shared, warnings: planner.warnings, concurrency: wanted.concurrency };
  if (shared.status === 'failed') {
    for (const { cohort } of cohorts ?? []) {
      for (const { schema } of cohort.members) {
        record.set({ tenant: schema, status: 'notExecuted', reason: 'sharedFailed' });
      }
    }
    return outcome;
  }
  if (options.selection.kind === 'shared') return outcome;

  const first =
    cohorts !== undefined && surveyed.fleet !== undefined
      ? { cohorts, files: surveyed.fleet.files, order: rolloutOrder(project, surveyed.fleet) }
      : await heedCancel(run, session.client, (signal) =>
          planAfterShared({ ...run, cancel: signal }, session.client, planner, shared, wanted.concurrency),
        );
  const { concurrency } = await applyToTenants(run, session, planner, first, wanted);
  const secured = await secureShared(run, session, surveyed.shared, planned.shared, shared);
  return { shared: secured, warnings: planner.warnings, concurrency };
}

/** Finds the project's executor, and closes it whatever happens. */
async function withExecutor<T>(project: Project, use: (executor: Executor) => Promise<T>): Promise<T> {
  const executor = await findExecutor(project.executor);
  let result: T;
  try {
    executor.assertUsable?.(project.database, hookSource(project));
    result = await use(executor);
  } catch (error) {
    await closeQuietly(executor);
    throw error;
  }
  await executor.close();
  return result;
}

/** After a failure, which must not be hidden by one of the end. */
async function closeQuietly(executor: Executor): Promise<void> {
  try {
    await executor.close();
  } catch {
    // The first failure is reported.
  }
}
