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
import { countMembers, recordPlans } from './record-plans.js';
import { rolloutOrder } from './rollout/find-rollout.js';
import { runWaves } from './rollout/run-waves.js';
import { finishedWaves } from './rollout/waves.js';
import { runRounds } from './run-rounds.js';
import type { FirstRound, Run } from './run.js';
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
  first: FirstRound,
  wanted: Parallelism,
): Promise<Parallelism> {
  const { project, record, rollout } = run;
  const members = countMembers(first.cohorts);
  if (members === 0) {
    record.wave = rollout.waves && finishedWaves(rollout.waves);
    return wanted;
  }
  run.limits.begin();
  // Otherwise lanes would meet a server that is full.
  const { parallelism, warning } = await heedCancel(run, session.client, () =>
    possibleParallelism(session.client, project, wanted, members),
  );
  if (warning !== undefined) record.warn(warning);
  run.pacing.begin(parallelism.processes * parallelism.concurrency);
  if (rollout.waves === undefined) {
    run.stop.expect(members);
    record.emit({ type: 'phase', phase: 'tenants', total: members });
    await runRounds(run, session, planner, first, parallelism, { newcomers: true });
  } else {
    await runWaves(run, session, planner, first, parallelism);
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
): Promise<FirstRound> {
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
  const cohorts = recordPlans(run.record, run.direction.direction, decided);
  return { cohorts, files: fleet.files, order: rolloutOrder(run.project, fleet) };
}
