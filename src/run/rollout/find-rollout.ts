import type { Client } from 'pg';

import { planNames } from '../../engine/plan.js';
import type { Plan } from '../../engine/types.js';
import type { Cohort } from '../../fleet/cohorts.js';
import type { SurveyedFleet } from '../../fleet/read-fleet.js';
import { readTriedTenants } from '../../journal/read/tried-tenants.js';
import type { Project } from '../../project/project.js';
import { hasOwnSchema } from '../../registry/list.js';
import type { EffectiveRollout } from './effective-rollout.js';
import { findWaves, inWaveOrder, type Waves } from './waves.js';

/** The tenants that can have a wave, in the order of the fleet: those that share tables never have anything to run. */
export function rolloutOrder(
  { registry }: Pick<Project, 'registry'>,
  { registered }: Pick<SurveyedFleet, 'registered'>,
): string[] {
  return registered.filter((tenant) => hasOwnSchema(registry, tenant)).map(({ schema }) => schema);
}

/** The tenants of a rollout, as the survey found them. */
export type RolloutTenants = {
  /** Those that have something to run. */
  cohorts: readonly { cohort: Pick<Cohort, 'members'>; plan: Plan }[];
  /** Whether a tenant is part of the rollout although it has nothing to run. */
  isCurrent: (tenant: string) => boolean;
  /** All tenants of the fleet, by `rolloutOrder`. */
  order: readonly string[];
};

/**
 * Where a rollout stands: what tenants have counts, and what the journal says about those that failed.
 *
 * @param before runs with a lower number count; `null` asks no journal
 */
export async function findRollout(
  client: Client,
  project: Project,
  { waves: sizes = [], maxFailures }: EffectiveRollout,
  { cohorts, isCurrent, order }: RolloutTenants,
  before: number | null,
): Promise<Waves> {
  const planned = new Map(
    cohorts.flatMap(({ cohort, plan }) => cohort.members.map(({ schema }) => [schema, planNames(plan)] as const)),
  );
  const tried = maxFailures === 0 ? new Set<string>() : await readTriedTenants(client, project, before, planned);
  const all = inWaveOrder(order, project.canary).filter((tenant) => planned.has(tenant) || isCurrent(tenant));
  return findWaves(sizes, all, new Set(planned.keys()), tried, maxFailures);
}
