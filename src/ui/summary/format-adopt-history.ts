import type { AdoptHistoryReport, AdoptedTenant } from '../../run/adopt/types.js';
import { plural } from '../../util/format-count.js';
import { redact } from '../../util/redact.js';
import { clean } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { listed } from '../text/name-list.js';
import { createStyle } from '../text/style.js';
import { wrap } from '../text/wrap.js';

/** How many refused tenants are explained one by one. */
const FEW = 20;

/** What `adopt-history` did or would do, for people. */
export function formatAdoptHistory(report: AdoptHistoryReport, { color, columns }: FormatContext): string {
  const style = createStyle(color);
  const { tenants, shared, results, dryRun, warnings } = report;
  const lines: string[] = [];
  if (shared.migrations.length > 0) {
    lines.push(`Shared schema: ${listed(shared.migrations)} ${dryRun ? 'would be recorded' : 'recorded'}`);
  }
  if (shared.error !== null) lines.push(style.red(`Shared schema: ${clean(redact(shared.error.message))}`));
  const counts = [
    `${plural(tenants.applied, 'tenant')} ${dryRun ? 'would be recorded' : 'recorded'}`,
    ...(tenants.upToDate > 0 ? [`${tenants.upToDate} had nothing to record`] : []),
    ...(tenants.failed > 0 ? [style.red(`${tenants.failed} ${dryRun ? 'would be refused' : 'failed'}`)] : []),
    ...(tenants.missing > 0 ? [style.red(`${tenants.missing} without a schema`)] : []),
    ...(tenants.notExecuted > 0 ? [`${tenants.notExecuted} not executed`] : []),
  ];
  lines.push(`${counts.join(', ')}.`);
  const done = groups(results).flatMap(([names, migrations]) => wrap(`  ${listed(names, 5)}: ${migrations}`, columns));
  lines.push(...done);
  const refused = results.flatMap((one) =>
    one.status === 'failed' || one.status === 'wouldFail' ? [{ tenant: one.tenant, error: one.error }] : [],
  );
  for (const { tenant, error } of refused.slice(0, FEW)) {
    lines.push('', ...wrap(`${style.red('✗')} ${clean(tenant)}: ${clean(redact(error.message))}`, columns));
    for (const advice of error.suggestions ?? []) lines.push(...wrap(`    ${clean(redact(advice))}`, columns));
  }
  if (refused.length > FEW) lines.push('', `… and ${refused.length - FEW} more; --json lists them all.`);
  for (const warning of warnings) {
    lines.push('', ...wrap(`${style.yellow('Warning:')} ${clean(redact(warning))}`, columns));
  }
  if (dryRun) lines.push('', 'Nothing was changed. Without --dry-run, this is recorded.');
  return lines.join('\n');
}

/** Tenants for which the same was recorded, together. */
function groups(results: readonly AdoptedTenant[]): [string[], string][] {
  const found = new Map<string, string[]>();
  for (const one of results) {
    if (one.status !== 'applied' && one.status !== 'wouldApply') continue;
    const key = listed(one.migrations, 5);
    found.set(key, [...(found.get(key) ?? []), one.tenant]);
  }
  return [...found].map(([migrations, names]) => [names, migrations]);
}
