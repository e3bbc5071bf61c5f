import type { Client } from 'pg';

import { EXIT } from '../errors/codes.js';
import type { Project } from '../project/project.js';
import { isRestricted } from '../registry/select.js';
import { assertMigrateOptions } from './assert-options.js';
import { migrateUp } from './direction.js';
import { prepareFailed } from './of-run.js';
import { exitCodeOf } from './report.js';
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
  const prepare =
    failedOf === undefined
      ? undefined
      : (client: Client) => prepareFailed(client, project, { ...options, failedOf }, direction);
  const report = await runFleet(project, options, direction, prepare);
  return await fillAfterwards(project, options, report);
}

/**
 * The schemas that are ready for new tenants follow the fleet: after a run that was about all of it, and did what it should. They
 * never fail a run.
 */
async function fillAfterwards(
  project: Project,
  options: MigrateOptions,
  report: MigrateReport,
): Promise<MigrateReport> {
  if ((project.pool?.size ?? 0) === 0 || !isWholeRun(options) || exitCodeOf(report) !== EXIT.ok) return report;
  const { drain, cancel, invocation } = options;
  const { pool, poolWarning } = await import('../lifecycle/pool/pool.js');
  try {
    const filled = await pool(project, {
      fill: true,
      ...(drain === undefined ? {} : { drain }),
      ...(cancel === undefined ? {} : { cancel }),
      ...(invocation === undefined ? {} : { invocation }),
    });
    return { ...report, warnings: [...report.warnings, ...filled.warnings, ...poolWarning(filled)] };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...report, warnings: [...report.warnings, `The schemas for new tenants could not be made: ${why}`] };
  }
}

function isWholeRun({ selection, target, fake, failedOf, drain, cancel }: MigrateOptions): boolean {
  const isFleet =
    selection.kind === 'all' || (selection.kind === 'tenants' && !isRestricted(selection) && failedOf === undefined);
  return isFleet && target === undefined && fake !== true && drain?.aborted !== true && cancel?.aborted !== true;
}
