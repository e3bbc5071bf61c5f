import type { CreateTenantsReport } from '../../../lifecycle/many/types.js';
import { formatDuration } from '../../../util/duration.js';
import { formatCount, plural } from '../../../util/format-count.js';
import { redact } from '../../../util/redact.js';
import { suggestionLine } from '../../error/suggestion-line.js';
import { clean, cleanLines } from '../../text/clean.js';
import type { FormatContext } from '../../text/format-context.js';
import { listed } from '../../text/name-list.js';
import { describeReason } from '../../text/reasons.js';
import { createStyle, type Style } from '../../text/style.js';
import { groupFailures } from '../failure-groups.js';

const GROUPS = 20;

/** What became of the tenants of a list: counts, failures that are alike together, and how to go on. */
export function formatCreatedTenants(report: CreateTenantsReport, context: FormatContext): string {
  const style = createStyle(context.color);
  const { tenants, durationMs, interrupted } = report;
  const counts = [
    [tenants.created, 'created', style.green],
    [tenants.exists, 'there already', (text: string) => text],
    [tenants.failed, 'failed', style.red],
    [tenants.notExecuted, 'not executed', style.yellow],
  ] as const;
  const parts = counts
    .filter(([count]) => count > 0)
    .map(([count, label, paint]) => paint(`${formatCount(count)} ${label}`));
  const left = tenants.failed + tenants.notExecuted;
  const sections = [
    [
      `Tenants: ${parts.join(', ') || 'the list is empty'} (of ${formatCount(tenants.total)})`,
      `${interrupted ? style.yellow('Interrupted after') : 'Finished in'} ${formatDuration(durationMs)}`,
    ],
    ...failures(report, context, style),
    notExecuted(report, style),
    report.warnings.map((text) => `${style.yellow('Warning:')} ${clean(redact(text))}`),
    left === 0 ? [] : ['Continue with the same command: tenants that were created are left as they are.'],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function failures({ results }: CreateTenantsReport, { verbose }: FormatContext, style: Style): string[][] {
  const failed = results.flatMap((result) => {
    if (result.status !== 'failed') return [];
    const { tenant, error } = result;
    return [{ tenant: `${tenant} (line ${result.line})`, status: 'failed' as const, committed: [], error }];
  });
  const groups = groupFailures(failed);
  const sections = groups.slice(0, GROUPS).map(({ migration, code, first, tenants }) => {
    const title = oneLine([migration, code, first.error.message].filter(Boolean).join(' · '));
    const names = listed(tenants, verbose === true ? tenants.length : 10);
    const advice = (first.error.suggestions ?? []).map((text) => `    ${suggestionLine(oneLine(text), style)}`);
    return [`${style.red('✖')} ${style.bold(title)} — ${plural(tenants.length, 'tenant')}: ${names}`, ...advice];
  });
  const rest = groups.slice(GROUPS).reduce((sum, group) => sum + group.tenants.length, 0);
  return rest === 0 ? sections : [...sections, [`${plural(rest, 'more tenant')} failed; --json lists all of them.`]];
}

function notExecuted({ results }: CreateTenantsReport, style: Style): string[] {
  const byReason = new Map<string, string[]>();
  for (const result of results) {
    if (result.status !== 'notExecuted') continue;
    const because = describeReason(result.reason);
    if (byReason.get(because)?.push(result.tenant) === undefined) byReason.set(because, [result.tenant]);
  }
  return [...byReason].map(([because, names]) => {
    const were = names.length === 1 ? 'was' : 'were';
    return `${style.yellow('!')} ${plural(names.length, 'tenant')} ${were} not created, because ${because}: ${listed(names)}`;
  });
}

function oneLine(text: string): string {
  return cleanLines(redact(text)).filter(Boolean).join(' ');
}
