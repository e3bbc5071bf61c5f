import type { Client } from 'pg';

import { listMigrationFiles } from '../engine/files.js';
import type { MigrationFile } from '../engine/types.js';
import type { Project } from '../project/project.js';
import { inspectRegistry } from '../registry/check.js';
import { readTenants } from '../registry/list.js';
import { selectTenants, type TenantSelection } from '../registry/select.js';
import { assertExtraSearchPath } from './assert-extra-search-path.js';
import { type Cohort, type FilesByType, formCohorts } from './cohorts.js';
import { readTenantFiles, sharedSource } from './migration-sources.js';
import { assertSharedReadable, judgeShared, type SharedPlace } from './shared-schema.js';
import { surveySchemas } from './survey.js';
import type { Target } from './types.js';

/** Connections that a survey for reading may use. */
const SURVEY_CONNECTIONS = 4;

/** Where a fleet stands, with the files it was compared to. */
export type FleetPicture = {
  sharedFiles: MigrationFile[];
  shared: SharedPlace;
  tenantFiles: FilesByType;
  cohorts: Cohort[];
};

/**
 * Reads where the shared schema and the selected tenants stand. Runs no migration code, changes nothing. Without a
 * registry, as in an empty database, the fleet is empty.
 *
 * @throws TenantsError for unknown names, a registry that is not as configured, or a missing migrations directory.
 */
export async function readFleet(
  client: Client,
  project: Project,
  selection: TenantSelection,
  sharedTarget?: Target,
): Promise<FleetPicture> {
  const { registry, tenants: settings, migrationsTable, database, checkOrder } = project;
  const sharedFiles = await listMigrationFiles(sharedSource(project));
  const [place] = await surveySchemas(client, database, [project.shared.schema], migrationsTable, 1);
  if (place === undefined) throw new Error('The survey left the shared schema out.');
  assertSharedReadable({ place });
  const present = (await inspectRegistry(client, registry)) === 'present';
  const all = present ? await readTenants(client, registry, { order: settings.order }) : [];
  assertExtraSearchPath(
    project,
    all.map(({ schema }) => schema),
  );
  const tenants = selectTenants(all, selection, registry, Object.keys(settings.types ?? {}));
  const tenantFiles = await readTenantFiles(project, tenants);
  const names = tenants.map(({ schema }) => schema);
  const surveyed = await surveySchemas(
    client,
    database,
    names,
    migrationsTable,
    project.concurrency ?? SURVEY_CONNECTIONS,
  );
  return {
    sharedFiles,
    shared: judgeShared(place, sharedFiles, checkOrder, sharedTarget),
    tenantFiles,
    cohorts: formCohorts(tenants, surveyed, tenantFiles, checkOrder),
  };
}
