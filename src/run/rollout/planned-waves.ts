import type { Client } from 'pg';

import type { SurveyedFleet } from '../../fleet/read-fleet.js';
import type { Project } from '../../project/project.js';
import type { DecidedCohort } from '../compile-phase.js';
import type { PlannedWaves } from '../types.js';
import type { EffectiveRollout } from './effective-rollout.js';
import { findRollout, rolloutOrder } from './find-rollout.js';
import { finishedWaves } from './waves.js';

/** Where a rollout stands and what is left of it; `undefined` for a run that has no waves. Reads only. */
export async function plannedWaves(
  client: Client,
  project: Project,
  rollout: EffectiveRollout,
  decided: readonly DecidedCohort[],
  fleet: Pick<SurveyedFleet, 'registered'> | undefined,
): Promise<PlannedWaves | undefined> {
  if (rollout.waves === undefined) return undefined;
  const cohorts = decided.filter((one) => one.kind === 'run');
  if (cohorts.length === 0) return { ...finishedWaves(rollout.waves), waves: [] };
  const done = decided.filter(({ kind }) => kind === 'upToDate');
  const isDone = new Set(done.flatMap(({ cohort }) => cohort.members.map(({ schema }) => schema)));
  const tenants = {
    cohorts,
    isCurrent: (tenant: string) => isDone.has(tenant),
    order: fleet === undefined ? [] : rolloutOrder(project, fleet),
  };
  // Every run that is recorded was before this one.
  const found = await findRollout(client, project, rollout, tenants, Number.MAX_SAFE_INTEGER);
  const { current, of, ends, waveOf } = found;
  const waves = ends.map((end, index) => ({
    count: end - (ends[index - 1] ?? 0),
    tenants: [...waveOf].filter(([, wave]) => wave === index + 1).map(([tenant]) => tenant),
  }));
  return { current, of, waves };
}
