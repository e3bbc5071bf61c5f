import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { assertCount, isWholeFleet, wholeFleetUnconfirmed } from './assert-options.js';
import { rollBack } from './direction.js';
import { prepareUndo } from './of-run.js';
import { runFleet } from './run-fleet.js';
import type { MigrateReport, RollbackOptions, RollbackReport } from './types.js';

/**
 * Undoes the last migrations of the selected schemas, newest first, each tenant in one transaction like `migrate`. The
 * shared schema is rolled back only by itself: before it, tenants that rely on it would have to be.
 *
 * Whatever cannot be undone, because it has no down or its file is gone, is refused before anything is changed.
 *
 * @throws TenantsError for what concerns the whole run, as `migrate` does; USAGE when `confirmed` is needed.
 */
export async function rollback(project: Project, options: RollbackOptions): Promise<RollbackReport> {
  assertRollbackOptions(options);
  const { confirmed = false, fake = false, target = { count: 1 }, ...rest } = options;
  const direction = rollBack(project, target, { fake, confirmed });
  const { run } = options;
  if (run !== undefined) {
    const { run: _run, ...others } = rest;
    return rollbackReport(
      await runFleet(project, { ...others, fake }, direction, (client) =>
        prepareUndo(client, project, { ...options, run }),
      ),
    );
  }
  // Tenants may go back although shared migrations are pending.
  return rollbackReport(await runFleet(project, { ...rest, fake, target, skipSharedCheck: true }, direction));
}

function assertRollbackOptions({ selection, target, confirmed, run }: RollbackOptions): void {
  assertCount(target);
  if (run !== undefined && target !== undefined) {
    throw new TenantsError('USAGE', 'What a run applied is undone as a whole: a run and a target cannot be combined.');
  }
  // Whether a run was about everybody is known when its record is read.
  if (run === undefined && confirmed !== true && isWholeFleet({ selection })) throw wholeFleetUnconfirmed();
}

function rollbackReport({ shared, tenants, ...report }: MigrateReport): RollbackReport {
  const { total, applied, ...counts } = tenants;
  return {
    ...report,
    shared: { ...shared, status: shared.status === 'applied' ? 'rolledBack' : shared.status },
    tenants: { total, rolledBack: applied, ...counts },
  };
}
