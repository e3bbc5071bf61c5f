import type { Client } from 'pg';

import { listMigrationFiles } from '../engine/files.js';
import type { MigrationFile } from '../engine/types.js';
import type { Project } from '../project/project.js';
import { sharedSource } from './migration-sources.js';
import { type SurveyedSchema, surveySchema } from './survey.js';

/** The shared schema as the survey saw it, and the files that it is compared to. */
export type SurveyedShared = { surveyed: SurveyedSchema; files: MigrationFile[] };

/**
 * Reads where the shared schema stands. Runs no migration code, changes nothing.
 *
 * @throws TenantsError MIGRATIONS_UNREADABLE for a missing migrations directory.
 */
export async function readShared(client: Client, project: Project): Promise<SurveyedShared> {
  const files = await listMigrationFiles(sharedSource(project));
  return { surveyed: await surveySchema(client, project, project.shared.schema), files };
}
