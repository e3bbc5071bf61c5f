import type { Client } from 'pg';

import type { PhasePart } from '../engine/phases.js';
import type { Plan } from '../engine/types.js';
import type { TenantResult } from '../executors/types.js';
import type { Cohort, WantedCohort } from '../fleet/cohorts.js';
import { compileAll } from '../fleet/compile-all.js';
import { createPlanner, installedExtensions, type Planner } from '../fleet/planner.js';
import type { SurveyedFleet } from '../fleet/read-fleet.js';
import type { RunDirection } from './direction.js';
import type { RunRequest, Surveyed } from './survey-phase.js';

/** A cohort and what becomes of it. */
export type DecidedCohort = { cohort: Cohort; phase?: PhasePart } & (
  | { kind: 'run'; plan: Plan }
  | { kind: 'upToDate' }
  | { kind: 'refused'; results: TenantResult[] }
  | { kind: 'skipped' }
);

/** What a run is going to do. */
export type Planned = {
  /** Plans what later rounds find. */
  planner: Planner;
  /** `undefined` when the shared schema has nothing to run, or is not meant. */
  shared: Plan | undefined;
  /** `undefined` when no tenants were surveyed. */
  tenants: DecidedCohort[] | undefined;
};

/**
 * The second phase: decides what each schema must run, and compiles it.
 *
 * @throws TenantsError MIGRATION_REFUSED with everything that is wrong with the migrations of the tenants.
 */
export async function compile(client: Client, request: RunRequest, surveyed: Surveyed): Promise<Planned> {
  const { project, options, direction } = request;
  const planner = createPlanner({
    project,
    direction: direction.direction,
    fake: options.fake === true,
    extensions: await installedExtensions(client),
  });
  const { shared, fleet } = surveyed;
  const wantsShared = options.selection.kind !== 'tenants' && shared.toRun.length > 0;
  return {
    planner,
    shared: wantsShared ? await planner.planShared(shared) : undefined,
    tenants: fleet === undefined ? undefined : await planTenants(planner, direction, fleet),
  };
}

/** Decides and compiles for tenants alone. Everything is compiled before the first plan is made. */
export async function planTenants(
  planner: Planner,
  direction: RunDirection,
  { cohorts, files: filesByType }: SurveyedFleet,
): Promise<DecidedCohort[]> {
  const parts = cohorts.flatMap((cohort) => direction.split?.(cohort) ?? [cohort]);
  const decided = parts.map((cohort) => {
    const files = filesByType.get(cohort.type) ?? [];
    const names = files.map(({ name }) => name);
    return { cohort, files, decision: direction.decide(cohort, names, files) };
  });
  const wanted = decided.flatMap(({ cohort, files, decision }): WantedCohort[] =>
    decision.kind === 'run' ? [{ cohort, files, names: decision.names }] : [],
  );
  direction.assertWanted(wanted);
  await compileAll(planner, wanted);
  const planned: DecidedCohort[] = [];
  for (const { cohort, files, decision } of decided) {
    if (decision.kind !== 'run') {
      planned.push({ cohort, ...decision });
      continue;
    }
    const { names, phase } = decision;
    const common = { cohort, ...(phase === undefined ? {} : { phase }) };
    if (names.length === 0) planned.push({ ...common, kind: 'upToDate' });
    else planned.push({ ...common, kind: 'run', plan: await planner.planCohort({ cohort, files, names }) });
  }
  return planned;
}
