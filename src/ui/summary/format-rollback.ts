import type { RollbackReport } from '../../run/types.js';
import { formatMigrateSummary, type SummaryContext } from './format-migrate.js';

/** The summary of a rollback for people, in the same form as that of `migrate`. */
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
