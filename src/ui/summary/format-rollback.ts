import type { RollbackReport } from '../../run/types.js';
import { formatMigrateSummary, type SummaryContext } from './format-migrate.js';

/** What a person needs after a rollback, in the form that `migrate` has. */
export function formatRollbackSummary(report: RollbackReport, context: Omit<SummaryContext, 'command'>): string {
  const { shared, tenants, ...rest } = report;
  const { rolledBack, ...counts } = tenants;
  return formatMigrateSummary(
    {
      ...rest,
      shared: { ...shared, status: shared.status === 'rolledBack' ? 'applied' : shared.status },
      tenants: { ...counts, applied: rolledBack },
    },
    { ...context, command: 'rollback' },
  );
}
