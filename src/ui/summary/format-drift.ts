import type { Difference, DriftGroup, DriftReport } from '../../structure/types.js';
import { formatCount, plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { clean, cleanLines } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { listed, listedWithin } from '../text/name-list.js';
import { createStyle, type Style } from '../text/style.js';

export type DriftShown = {
  /** Each difference with what is expected and what is there, and all names. */
  details: boolean;
  /** Statements that would take the differences away. */
  sql: boolean;
};

/** Differences of a group that are named in one line. */
const NAMED = 3;

/** Which tenants are not as their migrations made them, by what they should equal. */
export function formatDrift(report: DriftReport, shown: DriftShown, context: FormatContext): string {
  const style = createStyle(context.color);
  const lines = [headline(report, style), referenceLine(report)].filter((line) => line !== '');
  for (const groups of byPlace(report.groups)) lines.push('', ...placeLines(groups, report, shown, context, style));
  if (report.unreadable.length > 0) lines.push('', ...unreadableLines(report, context, style));
  return lines.join('\n');
}

/** `Structure: 3 of 500 tenants differ. To see how, run: tenants drift`. */
export function driftLine({ tenants }: DriftReport, { color }: FormatContext): string {
  const style = createStyle(color);
  if (tenants.different === 0) return `Structure: ${style.green('equal')}`;
  const how = `${formatCount(tenants.different)} of ${plural(tenants.total, 'tenant')} ${tenants.different === 1 ? 'differs' : 'differ'}`;
  return `Structure: ${style.yellow(how)}. To see how, run: ${tenantsCommand('drift')}`;
}

function headline({ tenants }: DriftReport, style: Style): string {
  if (tenants.total === 0) return 'No tenants yet.';
  const different = tenants.different === 0 ? '' : `, ${style.yellow(`${formatCount(tenants.different)} different`)}`;
  return `${plural(tenants.total, 'tenant')}: ${style.green(`${formatCount(tenants.equal)} equal`)}${different}`;
}

function referenceLine({ reference, tenants, groups }: DriftReport): string {
  if (tenants.total === 0) return '';
  switch (reference.kind) {
    case 'files':
      return 'Reference: what the migration files make';
    case 'tenant':
      return `Reference: the tenant ${clean(reference.tenant ?? '')}`;
    case 'majority':
      return groups.length === 0 ? '' : 'Reference: what most tenants with the same migrations have';
  }
}

/** Groups that should be equal stand together. */
function byPlace(groups: readonly DriftGroup[]): DriftGroup[][] {
  const places = new Map<string, DriftGroup[]>();
  for (const group of groups) {
    const key = JSON.stringify([group.type, group.last]);
    if (places.get(key)?.push(group) === undefined) places.set(key, [group]);
  }
  return [...places.values()];
}

function placeLines(
  groups: readonly DriftGroup[],
  { groups: all }: DriftReport,
  { details, sql }: DriftShown,
  context: FormatContext,
  style: Style,
): string[] {
  const [first] = groups;
  if (first === undefined) return [];
  const typed = all.some(({ type }) => type !== null);
  const equal = groups.filter(isEqual).reduce((sum, { count }) => sum + count, 0);
  const place = clean(first.last ?? '(no migrations)');
  const lines = [`${typed ? `${clean(first.type ?? '(default)')} ` : ''}${place}: ${formatCount(equal)} equal`];
  for (const group of groups.filter((one) => !isEqual(one))) {
    const head = `  ${formatCount(group.count)} ${verdict(group)}: `;
    const room = (context.columns ?? 160) - head.length - 1;
    const names = details
      ? listed(group.tenants, group.tenants.length)
      : listedWithin(group.tenants, Math.max(20, room));
    lines.push(`${style.yellow(head.trimEnd())} ${names}`);
    if (details || sql) {
      lines.push(...group.differences.flatMap((one) => differenceLines(one, { details, sql }, style)));
    }
  }
  return lines;
}

function isEqual({ reference, differences }: DriftGroup): boolean {
  return reference || differences.length === 0;
}

/** `lack index invoices_due`, `has column projects.hand`, `differ in 12 objects (table a, …)`. */
function verdict({ count, differences }: DriftGroup): string {
  const many = count > 1;
  if (differences.length > NAMED) {
    const some = differences.slice(0, NAMED).map(named);
    return `${many ? 'differ' : 'differs'} in ${differences.length} objects (${some.join(', ')} …)`;
  }
  const verb = {
    missing: many ? 'lack' : 'lacks',
    unexpected: many ? 'have' : 'has',
    different: many ? 'differ in' : 'differs in',
  };
  return (['missing', 'unexpected', 'different'] as const)
    .map((change) => ({ change, of: differences.filter((one) => one.change === change) }))
    .filter(({ of }) => of.length > 0)
    .map(({ change, of }) => `${verb[change]} ${of.map(named).join(', ')}`)
    .join(', ');
}

function named({ kind, object }: Difference): string {
  return `${kind} ${clean(object)}`;
}

function differenceLines(difference: Difference, { details, sql }: DriftShown, style: Style): string[] {
  const { change, expected, actual } = difference;
  const lines = [`    ${change} ${named(difference)}`];
  if (details) {
    if (expected !== null) lines.push(...valueLines('expected', expected));
    if (actual !== null) lines.push(...valueLines('actual', actual));
  }
  if (sql && difference.sql !== null) {
    lines.push(...cleanLines(difference.sql).map((line) => style.dim(`      ${line}`)));
  }
  return lines;
}

function valueLines(label: string, text: string): string[] {
  const [first = '', ...rest] = cleanLines(text);
  return [
    `      ${`${label}:`.padEnd(10)}${first.trimStart()}`,
    ...rest.map((line) => `                ${line.trimStart()}`),
  ];
}

function unreadableLines({ unreadable }: DriftReport, { verbose }: FormatContext, style: Style): string[] {
  const reasons = new Map<string, string[]>();
  for (const { tenant, reason } of unreadable) {
    if (reasons.get(reason)?.push(tenant) === undefined) reasons.set(reason, [tenant]);
  }
  return [...reasons].map(
    ([reason, names]) =>
      `${style.yellow(`! ${plural(names.length, 'tenant')} not compared`)} (${clean(reason)}): ${listed(names, verbose === true ? names.length : 10)}`,
  );
}
