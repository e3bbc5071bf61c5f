import type { Project } from '../project/project.js';
import { assertMigrateOptions } from './assert-options.js';
import { migrateUp } from './direction.js';
import { prepareFailed } from './of-run.js';
import { runFleet } from './run-fleet.js';
import type { MigrateOptions, MigrateReport } from './types.js';

/**
 * Migrates the shared schema, then the selected tenants.
 *
 * Everything that exists is surveyed and compiled before the first change; what is refused is refused then. A tenant that
 * fails is rolled back to where it was and the others go on; the report says what became of each.
 *
 * @throws TenantsError for what concerns the whole run: wrong options, an unknown tenant, a refused migration, a database
 *   that cannot be used, another run at work. Nothing was touched then.
 */
export async function migrate(project: Project, options: MigrateOptions): Promise<MigrateReport> {
  assertMigrateOptions(options);
  const { failedOf } = options;
  const direction = migrateUp(project, options);
  if (failedOf === undefined) return await runFleet(project, options, direction);
  return await runFleet(project, options, direction, (client) =>
    prepareFailed(client, project, { ...options, failedOf }, direction),
  );
}
