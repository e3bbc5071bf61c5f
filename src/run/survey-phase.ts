import type { Client } from 'pg';

import { finishPreparedTransactions, isOnCitus } from '../db/citus/cluster.js';
import { type FleetReading, readFleet, type SurveyedFleet } from '../fleet/read-fleet.js';
import { readShared } from '../fleet/read-shared.js';
import { chooseTenants, selectionOf } from '../fleet/selection.js';
import { assertSharedCurrent, type SharedSchema } from '../fleet/shared-schema.js';
import { assertSharedTarget } from '../fleet/targets.js';
import type { Project } from '../project/project.js';
import { assertRegistry, inspectRegistry } from '../registry/check.js';
import type { RunDirection } from './direction.js';
import type { RunOptions } from './types.js';

/** What is asked of a run or of a plan. */
export type RunRequest = {
  project: Project;
  options: RunOptions;
  direction: RunDirection;
  /** Aborted when the survey is to end early. */
  cancel?: AbortSignal;
};

/** Where everything stands that a run is about. */
export type Surveyed = {
  shared: SharedSchema;
  /** `undefined` when no tenants are meant, or when the registry is still to be made by the shared migrations. */
  fleet: SurveyedFleet | undefined;
};

/**
 * The first phase: reads where the shared schema and the selected tenants stand.
 *
 * @param connections that may be used at once
 * @throws TenantsError for a target or a tenant that does not exist, and for a shared schema that must not stay as it is or
 *   cannot be changed.
 */
export async function survey(client: Client, request: RunRequest, connections?: number): Promise<Surveyed> {
  const { project, options, direction } = request;
  const { selection, target, skipSharedCheck, phase } = options;
  const sharedTarget = selection.kind === 'shared' ? target : undefined;
  // Migrations tables say too little while a node has not committed what a crashed coordinator had.
  if (isOnCitus(client)) await finishPreparedTransactions(client);
  const read = await readShared(client, project);
  assertSharedTarget(sharedTarget, read.files);
  const shared = direction.compareShared(read, sharedTarget);
  if (selection.kind !== 'tenants') {
    await direction.assertShared(client, shared);
  } else {
    await assertRegistry(client, project.registry);
    if (skipSharedCheck !== true) assertSharedCurrent(shared, 'migrations', phase);
  }
  const registered = selection.kind !== 'shared' && (await inspectRegistry(client, project.registry)) === 'present';
  if (!registered) return { shared, fleet: undefined };
  const fleet = await surveyTenants(client, request, { connections });
  direction.assertTenants(fleet, selection);
  return { shared, fleet };
}

/** Reads where the selected tenants stand. */
export async function surveyTenants(
  client: Client,
  { project, options: { selection, target }, cancel }: RunRequest,
  reading: Partial<FleetReading>,
): Promise<SurveyedFleet> {
  return await readFleet(client, project, {
    choose: chooseTenants(project, selectionOf(selection)),
    target,
    cancel,
    ...reading,
  });
}
