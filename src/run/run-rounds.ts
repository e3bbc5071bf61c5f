import type { Parallelism } from '../executors/fit-connections.js';
import type { Planner } from '../fleet/planner.js';
import type { LockedSession } from '../session/control-session.js';
import { planNextRound } from './plan-next-round.js';
import { runRound } from './run-round.js';
import type { Round, Run } from './run.js';

/**
 * Hands tenants out, and those that were created or changed meanwhile in further rounds.
 *
 * @param may.newcomers tenants that were created meanwhile have their turn
 */
export async function runRounds(
  run: Run,
  session: LockedSession,
  planner: Planner,
  first: Round,
  parallelism: Parallelism,
  { newcomers }: { newcomers: boolean },
): Promise<void> {
  const { direction, record } = run;
  const { concurrency: connections } = parallelism;
  let round = first;
  for (let left = direction.rounds - 1; round.cohorts.length > 0; left -= 1) {
    const { again, stopped } = await runRound(run, session, parallelism, round, left === 0);
    if (stopped || left === 0 || !(await session.holdsLock())) break;
    if (!newcomers && again.size === 0) break;
    record.emit({ type: 'phase', phase: 'verify' });
    const last = { again, files: round.files, connections, newcomers };
    round = await planNextRound(run, session.client, planner, last);
  }
}
