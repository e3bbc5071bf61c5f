import type { Client } from 'pg';

import type { Project } from '../project/project.js';
import { isRowTenant, readTenants } from '../registry/list.js';
import type { Tenant } from '../registry/types.js';
import { assertExtraSearchPath } from './assert-extra-search-path.js';
import { type Cohort, type FilesByType, formCohorts, formRowCohorts } from './cohorts.js';
import { readTenantFiles } from './migration-sources.js';
import type { Choose } from './selection.js';
import { surveySchemas } from './survey.js';
import { assertTenantTarget } from './targets.js';
import type { Target } from './types.js';

/** Connections that a survey may use unless the configuration or the executor says otherwise. */
const SURVEY_CONNECTIONS = 4;

/** Where tenants stand, with the files they were compared to. */
export type SurveyedFleet = {
  /** All rows of the registry, the public tenant and unfinished ones included. */
  registered: readonly Tenant[];
  files: FilesByType;
  /** The chosen tenants. */
  cohorts: Cohort[];
};

export type FleetReading = {
  /** Which of the registered tenants are meant. */
  choose: Choose;
  /** Files that were read before; they are not read again. */
  files?: FilesByType;
  /** Refused before the survey when some type has no such migration. */
  target?: Target;
  /** Default: the project's setting. */
  checkOrder?: boolean;
  /** Connections that may be used at once. Default: the project's concurrency, or 4. */
  connections?: number | undefined;
  /** Cancels the connections that the survey opens itself. */
  cancel?: AbortSignal | undefined;
};

/**
 * Reads where tenants stand. Runs no migration code, changes nothing.
 *
 * @throws TenantsError for unknown names, an unknown target, or a missing migrations directory.
 */
export async function readFleet(client: Client, project: Project, reading: FleetReading): Promise<SurveyedFleet> {
  const registered = await readTenants(client, project.registry, { order: project.tenants.order });
  return await surveyFleet(client, project, registered, reading);
}

/** The same of rows that were read before; without any, as in an empty database, the fleet is empty. */
export async function surveyFleet(
  client: Client,
  project: Project,
  registered: readonly Tenant[],
  reading: FleetReading,
): Promise<SurveyedFleet> {
  const { checkOrder = project.checkOrder, target, cancel } = reading;
  const { connections = project.concurrency ?? SURVEY_CONNECTIONS } = reading;
  assertExtraSearchPath(
    project,
    registered.map(({ schema }) => schema),
  );
  const tenants = await reading.choose(registered, client);
  const files = await readTenantFiles(project, tenants, reading.files);
  assertTenantTarget(target, files);
  const own = tenants.filter((tenant) => !isRowTenant(project.registry, tenant));
  const shared = tenants.length === own.length ? [] : tenants.filter((one) => isRowTenant(project.registry, one));
  const names = own.map(({ schema }) => schema);
  const surveyed = await surveySchemas(client, project.database, names, project.migrationsTable, {
    connections,
    cancel,
  });
  return { registered, files, cohorts: [...formCohorts(own, surveyed, files, checkOrder), ...formRowCohorts(shared)] };
}
