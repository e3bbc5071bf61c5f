import type { SharedResult } from '../../fleet/types.js';
import type { MigrateReport, RollbackReport } from '../../run/types.js';
import { formatDuration } from '../../util/duration.js';
import { formatCount, plural } from '../../util/format-count.js';
import { redact } from '../../util/redact.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { errorFacts } from '../error/error-facts.js';
import { suggestionLine } from '../error/suggestion-line.js';
import { clean, cleanLines } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { listed } from '../text/name-list.js';
import { describeReason, type NotExecutedReason } from '../text/reasons.js';
import { createStyle, type Style } from '../text/style.js';
import { wrap } from '../text/wrap.js';
import { groupFailures, type Failure, type FailureGroup } from './failure-groups.js';
import { canBeListed, FEW, nextCommand, type NextCommandContext } from './next-command.js';
import { phaseLines } from './phase-lines.js';

export type SummaryContext = FormatContext & NextCommandContext;

const GROUPS = 20;

/** The summary of a run for people: what was done, what was not done and why, and the command that continues. */
export function formatMigrateSummary(report: MigrateReport, context: SummaryContext): string {
  const style = createStyle(context.color);
  const warnings = report.warnings.map((text) => `${style.yellow('Warning:')} ${clean(redact(text))}`);
  const phase = phaseLines(report.phase, style);
  if (isNoOp(report)) return [noOpLine(report, context), ...phase, ...warnings].join('\n');
  const sections = [
    headLines(report, context, style),
    ...failureSections(report, context, style),
    missingLines(report, context, style),
    notExecutedLines(report, context, style),
    phase,
    prose(warnings, context),
    nextLines(report, context, style),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** Lines to read, wrapped between words. An advice is none of them: it may be a command to copy. */
function prose(lines: readonly string[], { columns }: FormatContext): string[] {
  return lines.flatMap((line) => wrap(line, columns, ' '.repeat(line.search(/[^ ]/) + 2)));
}

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

function isNoOp({ shared, tenants, interrupted }: MigrateReport): boolean {
  const idle = shared.status === 'upToDate' || shared.status === 'skipped';
  return idle && !interrupted && tenants.applied + tenants.failed + tenants.notExecuted + tenants.missing === 0;
}

function noOpLine({ shared, tenants, durationMs, phase }: MigrateReport, { command }: SummaryContext): string {
  const whole = shared.status === 'upToDate';
  const who = [
    ...(whole ? ['shared schema'] : []),
    ...(tenants.total > 0 || !whole ? [plural(tenants.total, 'tenant')] : []),
  ];
  const are = who.length === 1 && (whole || tenants.total === 1) ? 'is' : 'are';
  const target = phase === undefined ? 'up to date' : `where the phase ${phase.name} takes them`;
  const state = command === 'migrate' ? `${are} ${target}` : `${are} already at the target of the rollback`;
  return `Nothing to do: ${who.join(' and ')} ${state} (${formatDuration(durationMs)})`;
}

function headLines(report: MigrateReport, context: SummaryContext, style: Style): string[] {
  const { command, verbose, fake } = context;
  const { tenants, wave } = report;
  const waiting = wave?.waiting ?? 0;
  const recorded =
    command === 'migrate'
      ? 'recorded as migrated, without running anything'
      : 'recorded as rolled back, without running anything';
  const done = fake === true ? recorded : command === 'migrate' ? 'migrated' : 'rolled back';
  const counts = [
    [tenants.applied, done, style.green],
    [tenants.upToDate, command === 'migrate' ? 'up to date' : 'unchanged', (text: string) => text],
    [tenants.failed, 'failed', style.red],
    [tenants.notExecuted - waiting, 'not executed', style.yellow],
    [waiting, waiting === 1 ? 'in a later wave' : 'in later waves', style.cyan],
    [tenants.missing, 'missing', style.yellow],
  ] as const;
  const parts = counts
    .filter(([value]) => value > 0)
    .map(([value, label, paint]) => paint(`${formatCount(value)} ${label}`));
  const lines = sharedLines(report.shared, context, style);
  if (tenants.total > 0) {
    const touched = `Tenants: ${parts.join(', ') || 'none touched'} (of ${formatCount(tenants.total)})`;
    lines.push(...prose([touched], context));
  }
  if (wave !== undefined) lines.push(`Wave: ${wave.current} of ${wave.of}`);
  const lanes = plural(report.concurrency, 'lane');
  const spread = report.processes > 1 ? `${plural(report.processes, 'worker')} of ${lanes}` : lanes;
  const how = verbose ? ` (${clean(report.executor)}, ${spread})` : '';
  lines.push(
    `${report.interrupted ? style.yellow('Interrupted after') : 'Finished in'} ${formatDuration(report.durationMs)}${how}`,
  );
  return lines;
}

function sharedLines(shared: SharedResult, context: SummaryContext, style: Style): string[] {
  const { command } = context;
  if (shared.status === 'skipped') return [];
  if (shared.status === 'upToDate') return [`Shared schema: ${command === 'migrate' ? 'up to date' : 'unchanged'}`];
  const names = `${plural(shared.migrations.length, 'migration')} (${listed(shared.migrations, 5)})`;
  if (shared.status === 'applied') {
    const done = style.green(`${names} ${command === 'migrate' ? 'applied' : 'rolled back'}`);
    return prose([`Shared schema: ${done}`], context);
  }
  const { error } = shared;
  if (!error) return [`Shared schema: ${style.red('failed')}`];
  const title = [error.migration, error.sqlstate ?? error.code, error.message].filter(Boolean).join(' · ');
  const lines = [`Shared schema: ${style.red('failed')}, no tenant was touched`, `  ${oneLine(title)}`];
  lines.push(...errorFacts(error, style, ['tenant', 'migration', 'sqlstate']).map((line) => `    ${line}`));
  if (shared.migrations.length > 0) lines.push(`    ${style.dim('Committed before:')} ${listed(shared.migrations)}`);
  return [...prose(lines, context), ...suggestionLines(error, style)];
}

function failureSections(report: MigrateReport, context: SummaryContext, style: Style): string[][] {
  const failures = report.results.filter((result): result is Failure => result.status === 'failed');
  const groups = groupFailures(failures);
  const sections = groups.slice(0, GROUPS).map((group) => groupLines(group, context, style));
  const rest = groups.slice(GROUPS).reduce((sum, group) => sum + group.tenants.length, 0);
  if (rest > 0) {
    sections.push([
      `${plural(rest, 'more tenant')} failed in ${plural(groups.length - GROUPS, 'other way')}; --json lists all of them.`,
    ]);
  }
  return sections;
}

function groupLines(
  { migration, code, first, tenants, messages }: FailureGroup,
  context: SummaryContext,
  style: Style,
): string[] {
  const title = [migration, code, first.error.message].filter(Boolean).join(' · ');
  const names = listed(tenants, context.verbose === true ? tenants.length : 10);
  const lines = [`${style.red('✖')} ${style.bold(oneLine(title))} — ${plural(tenants.length, 'tenant')}: ${names}`];
  for (const message of messages.slice(1)) lines.push(`    ${style.dim('Also:')} ${oneLine(message)}`);
  const facts = errorFacts(first.error, style, ['tenant', 'migration', 'sqlstate']);
  if (tenants.length > 1 && facts.length > 0) lines.push(`    ${style.dim(`In ${clean(first.tenant)}:`)}`);
  lines.push(...facts.map((line) => `    ${line}`));
  const tries = 1 + (first.attempts ?? []).reduce((sum, { count }) => sum + count, 0);
  if (tries > 1) lines.push(`    ${style.dim('Tried:')} ${tries} times`);
  if (first.committed.length > 0) {
    lines.push(`    ${style.dim('Committed before and kept:')} ${listed(first.committed)}`);
  }
  return [...prose(lines, context), ...suggestionLines(first.error, style)];
}

function suggestionLines({ suggestions = [] }: Failure['error'], style: Style): string[] {
  return suggestions.map((text) => `    ${suggestionLine(oneLine(text), style)}`);
}

function missingLines(report: MigrateReport, context: SummaryContext, style: Style): string[] {
  const names = report.results.filter(({ status }) => status === 'missing').map(({ tenant }) => tenant);
  if (names.length === 0) return [];
  const have = names.length === 1 ? 'has' : 'have';
  const line = `${style.yellow('!')} ${plural(names.length, 'registered tenant')} ${have} no schema: ${listed(names)}`;
  const lines = prose([line], context);
  if (context.command === 'rollback') return lines;
  const them = names.length === 1 ? 'it' : 'them';
  return [...lines, `    ${style.cyan('Try:')} --create-missing to create ${them}, or --skip-missing to skip ${them}`];
}

function notExecutedLines(report: MigrateReport, context: SummaryContext, style: Style): string[] {
  const byReason = new Map<NotExecutedReason, string[]>();
  for (const result of report.results) {
    if (result.status !== 'notExecuted' || result.reason === 'laterWave') continue;
    const names = byReason.get(result.reason);
    if (names) names.push(result.tenant);
    else byReason.set(result.reason, [result.tenant]);
  }
  const lines = [...byReason].map(([reason, names]) => {
    const were = names.length === 1 ? 'was' : 'were';
    const because = describeReason(reason);
    return `${style.yellow('!')} ${plural(names.length, 'tenant')} ${were} not executed, because ${because}: ${listed(names)}`;
  });
  return [...prose(lines, context), ...(byReason.has('canaryFailed') ? withoutCanaries(report, style) : [])];
}

/** The way on without tenants that cannot be migrated for now. */
function withoutCanaries({ results }: MigrateReport, style: Style): string[] {
  const failed = results.filter(({ status }) => status === 'failed').map(({ tenant }) => tenant);
  if (failed.length === 0 || failed.length > FEW || !failed.every(canBeListed)) return [];
  const who = failed.length === 1 ? 'the one that failed' : 'those that failed';
  return [
    `    ${style.cyan('Try:')} to migrate the others without ${who}, run: ${tenantsCommand('migrate', '--exclude', failed.join(','))}`,
  ];
}

function nextLines(report: MigrateReport, context: SummaryContext, style: Style): string[] {
  const command = nextCommand(report, context);
  const { failed, notExecuted, missing } = report.tenants;
  const left = failed + notExecuted;
  const onlyWaits = left + missing === report.wave?.waiting && !report.interrupted;
  if (command !== undefined) return [`${onlyWaits ? 'Begin the next wave' : 'Continue'} with: ${style.bold(command)}`];
  if (context.command === 'migrate' || left === 0) return [];
  return [
    'To continue, pass the names of the remaining tenants with --tenant; otherwise the others would be rolled back further.',
  ];
}

function oneLine(text: string): string {
  return cleanLines(redact(text)).filter(Boolean).join(' ');
}
