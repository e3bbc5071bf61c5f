import type { DryRunCohort, DryRunReport, DryRunResult, NotTried, TriedStatement } from '../../run/dry-run/types.js';
import { formatDuration } from '../../util/duration.js';
import { formatBytes } from '../../util/format-bytes.js';
import { formatCount, plural } from '../../util/format-count.js';
import { redact } from '../../util/redact.js';
import { errorFacts } from '../error/error-facts.js';
import { suggestionLine } from '../error/suggestion-line.js';
import { clean, cleanLines } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { listed } from '../text/name-list.js';
import { describeReason } from '../text/reasons.js';
import { createStyle, type Style } from '../text/style.js';
import { table } from '../text/table.js';
import { type Failure, type FailureGroup, groupFailures } from './failure-groups.js';
import { phaseLines } from './phase-lines.js';

/** What a dry run found out, for people: who would fail and why, and what each statement does. */
export function formatDryRun(report: DryRunReport, command: 'migrate' | 'rollback', context: FormatContext): string {
  const style = createStyle(context.color);
  const groups = groupFailures(report.results.flatMap((result) => asFailure(result)));
  const sections = [
    headLines(report, command, groups.length, style),
    statementLines(report.shared.statements, 'Shared schema', context),
    ...report.cohorts.map((cohort) => cohortLines(cohort, context)),
    ...groups.map((group) => groupLines(group, context.verbose === true, style)),
    notTriedLines(report, style),
    otherLines(report, style),
    phaseLines(report.phase, style),
    report.warnings.map((text) => `${style.yellow('Warning:')} ${clean(redact(text))}`),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function headLines(report: DryRunReport, command: string, reasons: number, style: Style): string[] {
  const { shared, tenants, durationMs, interrupted } = report;
  const lines: string[] = [];
  const names = `${plural(shared.migrations.length, 'migration')} (${listed(shared.migrations, 5)})`;
  const verb = command === 'migrate' ? 'applied' : 'rolled back';
  if (shared.status === 'wouldApply') lines.push(`Shared schema: ${style.green(`${names} would be ${verb}`)}`);
  if (shared.status === 'upToDate') lines.push(`Shared schema: ${command === 'migrate' ? 'up to date' : 'unchanged'}`);
  if (shared.status === 'wouldFail') {
    lines.push(`Shared schema: ${style.red('would fail')}, and no tenant would be touched`);
    if (shared.error !== null) {
      const { migration, sqlstate, code, message } = shared.error;
      lines.push(`  ${oneLine([migration, sqlstate ?? code, message].filter(Boolean).join(' · '))}`);
      lines.push(...errorFacts(shared.error, style, ['tenant', 'migration', 'sqlstate']).map((line) => `    ${line}`));
    }
  }
  const tried = tenants.applied + tenants.failed;
  if (tenants.failed > 0) {
    const why = reasons === 1 ? 'for 1 reason' : `for ${formatCount(reasons)} reasons`;
    lines.push(`Tenants: ${style.red(`${formatCount(tenants.failed)} of ${formatCount(tried)} would fail, ${why}`)}`);
  } else if (tried > 0) {
    const done = command === 'migrate' ? 'migrated' : 'rolled back';
    lines.push(`Tenants: ${style.green(`${formatCount(tenants.applied)} of ${formatCount(tried)} would be ${done}`)}`);
  }
  const rest = [
    [tenants.notTried, 'not tried (--sample N or all tries more)'],
    [tenants.upToDate, command === 'migrate' ? 'up to date' : 'unchanged'],
    [tenants.notExecuted, 'not executed'],
    [tenants.missing, 'missing'],
  ] as const;
  const parts = rest.filter(([count]) => count > 0).map(([count, label]) => `${formatCount(count)} ${label}`);
  if (parts.length > 0) lines.push(`${tried === 0 ? 'Tenants' : 'Others'}: ${parts.join(', ')}`);
  if (lines.length === 0) lines.push('There is nothing to try.');
  const end = interrupted ? style.yellow('Interrupted after') : 'Tried in';
  lines.push(`${end} ${formatDuration(durationMs)}; everything was rolled back`);
  return lines;
}

function cohortLines(cohort: DryRunCohort, context: FormatContext): string[] {
  const after = cohort.last === null ? 'without migrations' : `at ${clean(cohort.last)}`;
  const tried = `${formatCount(cohort.tried.length)} of ${plural(cohort.count, 'tenant')} ${after} tried`;
  const type = cohort.type === null ? '' : `${clean(cohort.type)}: `;
  const title = `${type}${tried}${cohort.tried.length === 0 ? '' : `: ${listed(cohort.tried, 5)}`}`;
  return statementLines(cohort.statements, title, context);
}

const NAME_LENGTH = 200;

function statementLines(statements: readonly TriedStatement[], title: string, { columns }: FormatContext): string[] {
  if (statements.length === 0) return [];
  const rows = statements.map(({ sql, ms, walBytes, rewrites, locks }) => [
    `${ms < 10 ? ms.toFixed(1) : formatCount(ms)} ms`,
    formatBytes(walBytes),
    [
      ...(rewrites ? ['REWRITE'] : []),
      ...locks.map(({ object, mode }) => `${object} ${mode.replace(/Lock$/, '')}`),
    ].join(', ') || '-',
    oneLine(sql).slice(0, NAME_LENGTH),
  ]);
  const header = ['TIME', 'WAL', 'LOCKS', 'STATEMENT'];
  return [title, ...table(rows, { header, columns, right: [0, 1], shrink: [2, 3] })];
}

function groupLines(
  { migration, code, first, tenants, messages }: FailureGroup,
  verbose: boolean,
  style: Style,
): string[] {
  const title = [migration, code, first.error.message].filter(Boolean).join(' · ');
  const names = listed(tenants, verbose ? tenants.length : 10);
  const lines = [`${style.red('✖')} ${style.bold(oneLine(title))} — ${plural(tenants.length, 'tenant')}: ${names}`];
  for (const message of messages.slice(1)) lines.push(`    ${style.dim('Also:')} ${oneLine(message)}`);
  lines.push(...errorFacts(first.error, style, ['tenant', 'migration', 'sqlstate']).map((line) => `    ${line}`));
  for (const text of first.error.suggestions ?? []) lines.push(`    ${suggestionLine(oneLine(text), style)}`);
  return lines;
}

function notTriedLines({ shared, cohorts }: DryRunReport, style: Style): string[] {
  const all = new Map<string, NotTried>();
  for (const one of [...shared.notTried, ...cohorts.flatMap(({ notTried }) => notTried)]) {
    all.set(JSON.stringify([one.migration, one.reason]), one);
  }
  return [...all.values()].map(
    ({ migration, reason }) => `${style.yellow('!')} Not tried: ${clean(migration)}, because ${oneLine(reason)}`,
  );
}

function otherLines({ results }: DryRunReport, style: Style): string[] {
  const missing = results.filter(({ status }) => status === 'missing').map(({ tenant }) => tenant);
  const lines = missing.length === 0 ? [] : [`${style.yellow('!')} Without a schema: ${listed(missing)}`];
  const reasons = new Map<string, string[]>();
  for (const result of results) {
    if (result.status !== 'notExecuted') continue;
    const because = describeReason(result.reason);
    reasons.set(because, [...(reasons.get(because) ?? []), result.tenant]);
  }
  for (const [because, names] of reasons) {
    lines.push(`${style.yellow('!')} Not executed, because ${because}: ${listed(names)}`);
  }
  return lines;
}

function asFailure(result: DryRunResult): Failure[] {
  if (result.status !== 'wouldFail') return [];
  const { tenant, migration, error } = result;
  return [{ tenant, status: 'failed', committed: [], error, ...(migration === undefined ? {} : { migration }) }];
}

function oneLine(text: string): string {
  return cleanLines(redact(text)).filter(Boolean).join(' ').replaceAll(/\s+/g, ' ');
}
