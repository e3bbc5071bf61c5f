import { lanePurpose } from '../db/connect.js';
import { SQLSTATE } from '../db/sqlstates.js';
import type { Parallelism } from '../executors/fit-connections.js';
import type { TenantResult } from '../executors/types.js';
import { applySettings } from '../fleet/apply-settings.js';
import { createLaneOpener } from '../fleet/open-lanes.js';
import { withDistribution } from '../lifecycle/citus/with-distribution.js';
import type { Project } from '../project/project.js';
import type { LockedSession } from '../session/control-session.js';
import { dispatch, isMoved } from './dispatch.js';
import { GroupCommit } from './durability/group-commit.js';
import { secureCommits } from './durability/secure-commits.js';
import { plannedTenants } from './run-journal.js';
import type { Round, Run } from './run.js';

/**
 * Hands the tenants of a round out and records what becomes of them.
 *
 * @param isLast no other round follows: a tenant that was changed since the survey has failed
 * @returns `again`: the tenants that another round should look at; `stopped`: the run was stopped while they were handed out
 */
export async function runRound(
  run: Run,
  session: LockedSession,
  parallelism: Parallelism,
  { cohorts, files }: Round,
  isLast: boolean,
): Promise<{ again: Set<string>; stopped: boolean }> {
  const { project, executor, record, journal, stop, limits, pacing, cancel } = run;
  await journal.plan(plannedTenants(cohorts));
  // A node commits what the coordinator has prepared; if a crash then takes the commit of the coordinator back, they differ for good.
  const grouped = session.server.citus === undefined && !run.hooks.followCommits;
  const commits = grouped ? await GroupCommit.begin(() => session.client) : undefined;
  const plans = new Map(cohorts.map(({ plan }) => [plan.id, plan]));
  const settings = { ...applySettings(await placing(run, session, cohorts)), groupCommit: commits !== undefined };
  const onResult = (reported: TenantResult): void => {
    const result = withBlockers(reported, session, run.direction.direction);
    commits?.noteResult(result);
    pacing.noteResult(result.tenant);
    if (isMoved(result) && !isLast) {
      record.hold(result);
      return;
    }
    stop.count(result);
    record.settle(result);
    run.hooks.noteResult(result);
  };
  try {
    await dispatch(cohorts, {
      project,
      executor,
      parallelism,
      plans,
      settings,
      openLane: createLaneOpener({
        project,
        plans,
        filesOf: ({ scope }) => (scope.kind === 'tenants' ? (files.get(scope.type) ?? []) : []),
        settings,
        cancel,
      }),
      stop,
      pacing,
      cancel,
      holdsLock: async () => {
        limits.look();
        return await session.holdsLock();
      },
      onHandOut: (tenant) => {
        pacing.noteHandOut(tenant);
        commits?.noteStart(tenant);
      },
      onResult,
      onEvent: (event) => record.emit(event),
      onWorkers: (alive) => record.workers(alive),
      onFailure: (error) => record.fail(error),
    });
  } catch (error) {
    await commits?.end(cancel);
    throw error;
  }
  const stopped = stop.reason !== undefined;
  const lost = await secureCommits(run, session, commits);
  return { again: new Set([...record.held, ...lost]), stopped };
}

/** A tenant that had waited for a lock in vain says for whom. */
export function withBlockers(
  result: TenantResult,
  session: Pick<LockedSession, 'blockersOf'>,
  direction: 'up' | 'down',
): TenantResult {
  if (result.status !== 'failed' || result.error.sqlstate !== SQLSTATE.lockNotAvailable) return result;
  const blockers = session.blockersOf(lanePurpose(direction, result.tenant));
  return blockers.length === 0 ? result : { ...result, error: { ...result.error, blockers } };
}

/** The project with its decision where schemas are made that are missing, if there are any. */
async function placing(
  { project }: Run,
  { client, server }: LockedSession,
  cohorts: Round['cohorts'],
): Promise<Project> {
  const isMissing = cohorts.some(({ cohort }) => cohort.state.kind === 'missing');
  return isMissing && server.citus !== undefined ? await withDistribution(client, server, project) : project;
}
