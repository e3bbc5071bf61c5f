import type { Plan } from '../../engine/types.js';
import { applySettings } from '../../fleet/apply-settings.js';
import type { SharedSchema } from '../../fleet/shared-schema.js';
import type { DryRun } from './context.js';
import { TryLane, type TryWork } from './try-lane.js';

/**
 * Tries the pending shared migrations.
 *
 * @returns what each tenant is to be tried after: the shared migrations, where there are any
 */
export async function tryShared(
  { project, options, record, stop, cancel }: DryRun,
  { surveyed, files }: SharedSchema,
  plan: Plan | undefined,
): Promise<TryWork | undefined> {
  if (options.selection.kind === 'tenants' || stop.reason !== undefined) return undefined;
  if (plan === undefined) {
    record.settleShared({ status: 'upToDate' });
    return undefined;
  }
  record.emit({ type: 'phase', phase: 'shared' });
  const work = { tenant: surveyed.schema, planId: plan.id, schemaOid: surveyed.oid };
  const lane = new TryLane(project, applySettings(project), cancel);
  try {
    const tried = await lane.try([{ work, plan, files }]);
    switch (tried.kind) {
      case 'succeeded': {
        const { migrations, statements, notTried } = tried;
        record.settleShared({ status: 'wouldApply', migrations, statements, notTried });
        for (const warning of tried.warnings) record.warn(warning);
        return { work, plan, files };
      }
      case 'failed': {
        const { tenant: _shared, ...error } = tried.error;
        record.settleShared({ status: 'wouldFail', error, statements: tried.statements });
        return undefined;
      }
      case 'canceled':
        return undefined;
    }
  } finally {
    await lane.close();
  }
}
