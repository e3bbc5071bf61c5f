import type { Client } from 'pg';

import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import type { Parallelism } from '../executors/fit-connections.js';
import { possibleParallelism } from '../fleet/parallelism.js';
import type { Planner } from '../fleet/planner.js';
import type { SharedResult } from '../fleet/types.js';
import { assertRegistry } from '../registry/check.js';
import type { LockedSession } from '../session/control-session.js';
import { heedCancel } from '../session/heed-cancel.js';
import { planTenants } from './compile-phase.js';
import { planNextRound } from './plan-next-round.js';
import { countMembers, recordPlans } from './record-plans.js';
import { runRound } from './run-round.js';
import type { Round, Run } from './run.js';
import { surveyTenants } from './survey-phase.js';

/**
 * The last phase: applies the plans of tenants, and those of tenants that are created or changed during it in further rounds.
 *
 * @param wanted lanes and workers as configured
 * @returns what the server has had connections for
 */
export async function applyToTenants(
  run: Run,
  session: LockedSession,
  planner: Planner,
  first: Round,
  wanted: Parallelism,
): Promise<Parallelism> {
  const { project, direction, record } = run;
  const members = countMembers(first.cohorts);
  if (members === 0) return wanted;
  run.stop.expect(members);
  record.emit({ type: 'phase', phase: 'tenants', total: members });
  // Otherwise lanes would meet a server that is full.
  const { parallelism, warning } = await heedCancel(run, session.client, () =>
    possibleParallelism(session.client, project, wanted, members),
  );
  if (warning !== undefined) record.warn(warning);
  let round = first;
  for (let left = direction.rounds - 1; round.cohorts.length > 0; left -= 1) {
    const { again, stopped } = await runRound(run, session, parallelism, round, left === 0);
    if (stopped || left === 0 || !(await session.holdsLock())) break;
    record.emit({ type: 'phase', phase: 'verify' });
    const { concurrency: connections } = parallelism;
    round = await planNextRound(run, session.client, planner, { again, files: round.files, connections });
  }
  record.settleHeld();
  return parallelism;
}

/**
 * The first round where the shared migrations had to make the registry.
 *
 * @throws TenantsError REGISTRY_NOT_MADE. A refusal by its usual name would mean that nothing was touched.
 */
export async function planAfterShared(
  run: Run,
  client: Client,
  planner: Planner,
  shared: SharedResult,
  connections: number,
): Promise<Round> {
  try {
    await assertRegistry(client, run.project.registry);
  } catch (error) {
    if (shared.status !== 'applied' || !isTenantsError(error)) throw error;
    throw new TenantsError('REGISTRY_NOT_MADE', `The shared schema was migrated. ${error.message}`, {
      ...error.details,
      suggestions: error.suggestions,
    });
  }
  const fleet = await surveyTenants(client, run, { connections });
  const decided = await planTenants(planner, run.direction, fleet);
  return { cohorts: recordPlans(run.record, run.direction.direction, decided), files: fleet.files };
}
