import type { StatusReport } from '../../fleet/types.js';
import { describeComparison } from '../../journal/checksums/describe.js';
import { formatCount, plural } from '../../util/format-count.js';
import { bar } from '../progress/bar.js';
import { clean } from '../text/clean.js';
import { truncate } from '../text/display-width.js';
import type { FormatContext } from '../text/format-context.js';
import { listed, listedWithin } from '../text/name-list.js';
import { createStyle, type Style } from '../text/style.js';
import { table } from '../text/table.js';
import { blockedTenantLines, isRegular } from './blocked-tenants.js';
import { detailLines } from './format-tenant-details.js';
import { runsLines } from './runs-lines.js';

type Cohort = StatusReport['cohorts'][number];

const ROWS = 12;
const BAR_COLUMNS = 20;

/** The state of the fleet: shared schema, cohorts by size, exceptions. Fits on one screen for any number of tenants. */
export function formatStatus(report: StatusReport, context: FormatContext): string {
  const style = createStyle(context.color);
  const lines = [sharedLine(report.shared, style, context), fleetLine(report.tenants, style)];
  const cohorts = report.cohorts.filter(isRegular).sort((a, b) => b.count - a.count);
  if (cohorts.length > 0) lines.push('', ...cohortLines(cohorts, report.tenants.total, context, style));
  if (report.nodes !== undefined && report.nodes.length > 0) lines.push('', nodesLine(report.nodes));
  const exceptions = blockedTenantLines(report.cohorts, style, context);
  if (exceptions.length > 0) lines.push('', ...exceptions);
  const runs = runsLines(report.runs, style);
  if (runs.length > 0) lines.push('', ...runs);
  const edited = report.edited === undefined ? [] : describeComparison(report.edited, process.cwd());
  if (edited.length > 0) lines.push('', ...edited.map((text) => style.yellow(clean(text))));
  if (report.details !== undefined) lines.push('', ...detailLines(report.details, context));
  return lines.join('\n');
}

/** `Shared schema: up to date (12 migrations)`, or what is pending, with as many names as the width allows. */
export function sharedLine(
  { applied, pending, post = [], state }: StatusReport['shared'],
  style: Style,
  { columns = 160 }: FormatContext,
): string {
  if (state !== undefined) {
    const how =
      state === 'ahead'
        ? 'ahead: a migration is applied that is not on disk'
        : 'out of order: applied in a different order than the files';
    return `Shared schema: ${style.yellow(how)}`;
  }
  if (pending.length === 0) {
    return `Shared schema: ${style.green('up to date')} (${plural(applied.length, 'migration')})`;
  }
  const number = `${formatCount(pending.length)} pending${postText(pending, post)}`;
  const room = columns - `Shared schema: ${number}: `.length - 1;
  return `Shared schema: ${style.yellow(number)}: ${truncate(listedWithin(pending, room), room)}`;
}

/** `10,000 tenants: 9,500 up to date, 480 pending, …`. */
export function fleetLine(tenants: StatusReport['tenants'], style: Style): string {
  const parts = [
    [tenants.upToDate, 'up to date', style.green],
    [tenants.pending, 'pending', style.yellow],
    [tenants.ahead, 'ahead', style.yellow],
    [tenants.outOfOrder, 'out of order', style.yellow],
    [tenants.missing, 'missing', style.yellow],
  ] as const;
  if (tenants.total === 0) return 'No tenants yet.';
  const shown = parts
    .filter(([value]) => value > 0)
    .map(([value, label, paint]) => paint(`${formatCount(value)} ${label}`));
  const { postOnly } = tenants;
  const waiting = postOnly === undefined ? [] : [`${formatCount(postOnly)} of the pending only with --phase post`];
  return `${plural(tenants.total, 'tenant')}${shown.length > 0 ? `: ${[...shown, ...waiting].join(', ')}` : ''}`;
}

/** `Tenants by node: 10.0.0.2:5432 500, no node 3`. Local schemas, and those without tables, are on no node. */
export function nodesLine(nodes: NonNullable<StatusReport['nodes']>): string {
  const parts = nodes.map(({ node, tenants }) => `${clean(node ?? 'no node')} ${formatCount(tenants)}`);
  return `Tenants by node: ${parts.join(', ')}`;
}

function cohortLines(cohorts: Cohort[], total: number, { columns }: FormatContext, style: Style): string[] {
  const typed = cohorts.some(({ type }) => type !== null);
  const shown = cohorts.slice(0, ROWS);
  const rows = shown.map((cohort) => [
    formatCount(cohort.count),
    bar(cohort.count / total, BAR_COLUMNS),
    ...(typed ? [cohort.type ?? '(default)'] : []),
    cohort.rows === true ? '(rows)' : (cohort.last ?? '(no migrations)'),
    cohort.rows === true ? 'in shared tables' : pendingText(cohort),
  ]);
  const options = {
    columns: columns === undefined ? undefined : columns - 3,
    right: [0],
    shrink: typed ? [2, 3, 4] : [2, 3],
    paint: (text: string, column: number, row: number | 'header') => {
      if (column !== 1) return text;
      return shown[row as number]?.state === 'upToDate' ? style.green(text) : style.yellow(text);
    },
  };
  const lines = table(rows, options).map((line) => `  ${line}`);
  const rest = cohorts.slice(ROWS);
  if (rest.length > 0) {
    const tenants = rest.reduce((sum, cohort) => sum + cohort.count, 0);
    lines.push(`  and ${plural(rest.length, 'more cohort')} (${plural(tenants, 'tenant')})`);
  }
  return lines;
}

function pendingText({ state, pending, post = [] }: Cohort): string {
  if (state === 'upToDate' || pending.length === 0) return 'up to date';
  return `${formatCount(pending.length)} pending${postText(pending, post)}: ${truncate(listed(pending, 2), 60)}`;
}

/** What of the pending migrations waits until the new code runs everywhere. */
function postText(pending: readonly string[], post: readonly string[]): string {
  if (post.length === 0) return '';
  return post.length === pending.length ? ' (post)' : ` (${formatCount(post.length)} post)`;
}
