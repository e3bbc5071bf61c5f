import type { QueryReport } from '../../each-tenant/query/types.js';
import { formatDuration } from '../../util/duration.js';
import { plural } from '../../util/format-count.js';
import { redact } from '../../util/redact.js';
import { errorFacts } from '../error/error-facts.js';
import { suggestionLine } from '../error/suggestion-line.js';
import { cleanLines } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { listed } from '../text/name-list.js';
import { createStyle } from '../text/style.js';
import { type Failure, groupFailures } from './failure-groups.js';

/** The summary for people after the rows: how many there are, and which tenants failed, with equal failures grouped. */
export function formatQuerySummary(report: QueryReport, context: FormatContext): string {
  const style = createStyle(context.color);
  const failures = report.failed.map(({ tenant, error }): Failure => ({
    tenant,
    status: 'failed',
    committed: [],
    error,
  }));
  const lines = groupFailures(failures).flatMap(({ code, first, tenants }) => {
    const title = cleanLines(redact(`${code} · ${first.error.message}`))
      .filter(Boolean)
      .join(' ');
    const names = listed(tenants, context.verbose ? tenants.length : 10);
    return [
      `${style.red('✖')} ${style.bold(title)} — ${plural(tenants.length, 'tenant')}: ${names}`,
      ...errorFacts(first.error, style, ['tenant', 'sqlstate']).map((line) => `    ${line}`),
      ...(first.error.suggestions ?? []).map((text) => `    ${suggestionLine(redact(text), style)}`),
    ];
  });
  const failed = failures.length === 0 ? '' : `, ${style.red(`${plural(failures.length, 'tenant')} failed`)}`;
  const whole = `${plural(report.rows, 'row')} of ${plural(report.tenants, 'tenant')}${failed} (${formatDuration(report.durationMs)})`;
  return [...lines, whole].join('\n');
}
