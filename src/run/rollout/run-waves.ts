import type { Parallelism } from '../../executors/fit-connections.js';
import type { NotExecutedReason } from '../../executors/types.js';
import type { Planner } from '../../fleet/planner.js';
import type { LockedSession } from '../../session/control-session.js';
import { heedCancel } from '../../session/heed-cancel.js';
import type { PlannedCohort } from '../dispatch.js';
import { countMembers } from '../record-plans.js';
import { runRounds } from '../run-rounds.js';
import type { FirstRound, Run } from '../run.js';
import { crossBorder } from './cross-border.js';
import { findRollout } from './find-rollout.js';
import type { Waves } from './waves.js';

/**
 * Applies the plans of tenants wave by wave, beginning with the first one that is not over. Tenants of waves that are not begun are
 * reported as not executed.
 */
export async function runWaves(
  run: Run,
  session: LockedSession,
  planner: Planner,
  first: FirstRound,
  parallelism: Parallelism,
): Promise<void> {
  const { record, stop, limits, journal } = run;
  const waves = await findOut(run, session, first);
  const { current, of, waveOf, ends } = waves;
  const begun = new Set<string>();
  for (const [tenant, wave] of waveOf) if (wave > current) record.set(notBegun(tenant, 'laterWave'));
  for (let wave = current, due = dueIn(first.cohorts, waves, 1, current); ;) {
    const total = countMembers(due);
    record.wave = { current: wave, of };
    for (const tenant of membersOf(due)) {
      begun.add(tenant);
      record.forget(tenant);
    }
    stop.expect(begun.size);
    limits.look();
    record.emit({ type: 'phase', phase: 'tenants', total, wave: record.wave });
    const next = nextWith(first.cohorts, waves, wave);
    const round = { cohorts: withProven(due, first.cohorts, record.results), files: first.files };
    await runRounds(run, session, planner, round, parallelism, { newcomers: next === undefined });
    await journal.checkpoint();
    if (next === undefined) {
      // What is left of the waves has nothing to run.
      record.wave = { current: of, of };
      return;
    }
    const failed = [...begun].filter((tenant) => record.results.get(tenant)?.status === 'failed').length;
    const border = { current: wave, of, failed, members: ends[wave - 1] ?? 0, next: countMembers(next.due) };
    const decision = await crossBorder(run, border);
    if (decision === 'cut') leaveOut(run, next.due);
    if (decision !== 'begin') return;
    wave = next.wave;
    due = next.due;
  }
}

async function findOut(run: Run, session: LockedSession, { cohorts, order }: FirstRound): Promise<Waves> {
  const { project, rollout, record, journal } = run;
  const tenants = { cohorts, order, isCurrent: (tenant: string) => record.current.has(tenant) };
  return await heedCancel(run, session.client, () =>
    findRollout(session.client, project, rollout, tenants, journal.run),
  );
}

/** The members of cohorts that have their turn in one of these waves. Those that have failed before are no canaries. */
function dueIn(cohorts: readonly PlannedCohort[], { waveOf, tried }: Waves, from: number, to: number): PlannedCohort[] {
  return cohorts.flatMap((planned) => {
    const members = planned.cohort.members.filter(({ schema }) => {
      const wave = waveOf.get(schema) ?? 0;
      return wave >= from && wave <= to;
    });
    const again = members.filter(({ schema }) => tried.has(schema));
    const ordered = again.length === 0 ? members : [...members.filter(({ schema }) => !tried.has(schema)), ...again];
    return members.length === 0 ? [] : [{ ...planned, cohort: { ...planned.cohort, members: ordered } }];
  });
}

/** The next wave in which somebody has something to run. */
function nextWith(
  cohorts: readonly PlannedCohort[],
  waves: Waves,
  after: number,
): { wave: number; due: PlannedCohort[] } | undefined {
  for (let wave = after + 1; wave <= waves.of; wave += 1) {
    const due = dueIn(cohorts, waves, wave, wave);
    if (due.length > 0) return { wave, due };
  }
  return undefined;
}

/** A cohort needs no canary once a tenant of it has been migrated in an earlier wave. */
function withProven(
  due: readonly PlannedCohort[],
  all: readonly PlannedCohort[],
  results: Run['record']['results'],
): PlannedCohort[] {
  const done = new Set(
    all
      .filter(({ cohort }) => cohort.members.some(({ schema }) => results.get(schema)?.status === 'applied'))
      .map(({ plan }) => plan.id),
  );
  return due.map((one) => ({ ...one, proven: one.proven === true || done.has(one.plan.id) }));
}

/** The run's time was over before the wave that it would have begun. After a signal, the next run begins it. */
function leaveOut({ stop, record }: Run, due: readonly PlannedCohort[]): void {
  const { reason } = stop;
  if (reason === undefined || reason === 'interrupted') return;
  for (const tenant of membersOf(due)) record.settle(notBegun(tenant, reason));
}

function membersOf(cohorts: readonly PlannedCohort[]): string[] {
  return cohorts.flatMap(({ cohort }) => cohort.members.map(({ schema }) => schema));
}

function notBegun(tenant: string, reason: NotExecutedReason) {
  return { tenant, status: 'notExecuted', reason } as const;
}
