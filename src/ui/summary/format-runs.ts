import type { RunReport, RunsReport } from '../../journal/read/runs.js';
import type { RecordedResult, RecordedRun } from '../../journal/types.js';
import { formatDuration } from '../../util/duration.js';
import { formatCount, plural } from '../../util/format-count.js';
import { redact } from '../../util/redact.js';
import { errorFacts } from '../error/error-facts.js';
import { clean } from '../text/clean.js';
import { csvLine } from '../text/csv.js';
import type { FormatContext } from '../text/format-context.js';
import { listed } from '../text/name-list.js';
import { describeReason, type NotExecutedReason } from '../text/reasons.js';
import { createStyle, type Style } from '../text/style.js';
import { table } from '../text/table.js';
import { formatWhen } from '../text/when.js';
import { groupFailures, recordedFailures } from './failure-groups.js';

/** The recorded runs as a table, newest first. */
export function formatRuns({ runs, pruned }: RunsReport, context: FormatContext): string {
  const style = createStyle(context.color);
  const removed = pruned === undefined ? [] : [`Removed ${plural(pruned, 'run')} from the journal.`];
  if (runs.length === 0) {
    const none = 'No runs are recorded yet. The next migrate records its own.';
    return [...removed, ...(context.columns === undefined ? [] : [none])].join('\n');
  }
  const rows = runs.map((run) => [
    String(run.id),
    formatWhen(run.startedAt),
    run.commandLine ?? run.command,
    outcomeOf(run),
    tookOf(run),
    [run.user, run.host].filter(Boolean).join('@'),
  ]);
  const lines = table(rows, {
    header: ['RUN', 'STARTED', 'COMMAND', 'RESULT', 'TOOK', 'BY'],
    columns: context.columns,
    right: [0],
    shrink: [2, 3, 5],
    paint: (text, column, row) => {
      if (row === 'header') return style.dim(text);
      return column === 3 ? colorOf(runs[row], style)(text) : text;
    },
  });
  return [...removed, ...lines].join('\n');
}

/** One run: who, when, what it did, what failed and why. */
export function formatRun({ run, results }: RunReport, context: FormatContext): string {
  const style = createStyle(context.color);
  const took = tookOf(run);
  const facts = [
    ['Command', run.commandLine ?? run.command],
    ['Started', `${formatWhen(run.startedAt)}${took === '' ? '' : `, took ${took}`}`],
    ['By', byOf(run)],
    [
      'Version',
      [run.version, run.commit === null ? null : `commit ${run.commit.slice(0, 12)}`].filter(Boolean).join(', '),
    ],
    ['Result', outcomeOf(run)],
  ].filter(([, value]) => value !== '');
  const sections = [
    [
      style.bold(`Run ${run.id}`),
      ...table(
        facts.map(([label = '', value = '']) => [label, value]),
        { columns: context.columns, shrink: [1] },
      ).map((line) => `  ${line}`),
    ],
    sharedLines(run, style),
    ...failureLines(results, context, style),
    groupLines(results, context, style),
  ];
  if (run.error !== null) sections.push([`${style.red('✖')} ${clean(redact(run.error.message))}`]);
  const none = 'No tenant is recorded here; tenants that were up to date are only counted.';
  if (results.length === 0) sections.push([none]);
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** The results of a run as CSV with a header, one tenant a line. */
export function runCsv({ run, results }: RunReport): string {
  const header = [
    'run',
    'tenant',
    'status',
    'startedAt',
    'durationMs',
    'attempts',
    'sqlstate',
    'message',
    'migration',
    'file',
    'line',
    'statement',
    'migrations',
  ];
  const lines = results.map((result) => {
    const { tenant, status, startedAt, durationMs, attempts = [], error, reason } = result;
    return csvLine([
      String(run.id),
      tenant,
      status,
      startedAt,
      durationMs === null ? null : String(durationMs),
      String(1 + attempts.reduce((sum, { count }) => sum + count, 0)),
      error?.sqlstate ?? error?.code ?? reason ?? null,
      error === undefined ? null : redact(error.message),
      result.migration ?? null,
      error?.file ?? null,
      error?.line === undefined ? null : String(error.line),
      error?.statement === undefined ? null : redact(error.statement),
      (result.migrations ?? result.committed ?? []).join(' '),
    ]);
  });
  return [csvLine(header), ...lines].join('');
}

/** `3 failed, 997 migrated`; `killed after …` for a run that was ended from outside. */
export function outcomeOf({ state, counts, exitCode, command, shared }: RecordedRun): string {
  const ofOne = command.endsWith('-tenant');
  const parts = WORDS.flatMap(([key, word]) => {
    const count = counts[key] ?? 0;
    if (count === 0) return [];
    return ofOne ? [word] : [`${formatCount(count)} ${word}`];
  });
  const ofShared = SHARED_WORDS.get(shared?.status ?? '');
  if (ofShared !== undefined) parts.unshift(`shared schema ${ofShared}`);
  const what = parts.join(', ');
  if (state === 'running') return ['running', what].filter(Boolean).join(': ');
  if (state === 'interrupted') return ['ended from outside', what].filter(Boolean).join(': ');
  if (what !== '' && exitCode !== null) {
    return exitCode === 0 || exitCode === 1 ? what : `${what} (exit code ${exitCode})`;
  }
  if (exitCode === 0) return command === 'migrate' || command === 'rollback' ? 'nothing to do' : 'done';
  return `exit code ${exitCode ?? ''}`;
}

const WORDS = [
  ['failed', 'failed'],
  ['notExecuted', 'not executed'],
  ['missing', 'missing'],
  ['applied', 'migrated'],
  ['rolledBack', 'rolled back'],
  ['upToDate', 'up to date'],
  ['created', 'created'],
  ['cloned', 'cloned'],
  ['renamed', 'renamed'],
  ['deleted', 'deleted'],
  ['unregistered', 'unregistered'],
  ['fixed', 'fixed'],
] as const;

const SHARED_WORDS = new Map([
  ['applied', 'migrated'],
  ['rolledBack', 'rolled back'],
  ['failed', 'failed'],
]);

function tookOf({ startedAt, finishedAt, state }: RecordedRun): string {
  if (finishedAt === null) {
    return state === 'running' ? `${formatDuration(Date.now() - Date.parse(startedAt))} so far` : '';
  }
  return formatDuration(Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt)));
}

function byOf({ user, host, databaseUser }: RecordedRun): string {
  const who = [user, host].filter(Boolean).join('@');
  return databaseUser === null ? who : `${who}, database user ${databaseUser}`;
}

function colorOf(run: RecordedRun | undefined, style: Style): (text: string) => string {
  if (run?.state !== 'finished') return style.yellow;
  return run.exitCode === 0 ? style.green : style.red;
}

function sharedLines({ shared, command }: RecordedRun, style: Style): string[] {
  if (shared === null || shared.status === 'skipped' || shared.status === 'upToDate') return [];
  const names = listed(shared.migrations, 10);
  if (shared.error === null) {
    return [`Shared schema: ${names} ${command === 'rollback' ? 'rolled back' : 'applied'}`];
  }
  const lines = errorFacts(shared.error, style).map((line) => `    ${line}`);
  return [`${style.red('✖')} Shared schema: ${clean(redact(shared.error.message))}`, ...lines];
}

function failureLines(results: readonly RecordedResult[], context: FormatContext, style: Style): string[][] {
  return groupFailures(recordedFailures(results)).map(({ migration, code, first, tenants }) => {
    const title = [migration, code, first.error.message].filter(Boolean).join(' · ');
    const names = listed(tenants, context.verbose === true ? tenants.length : 10);
    return [
      `${style.red('✖')} ${style.bold(clean(redact(title)))} — ${plural(tenants.length, 'tenant')}: ${names}`,
      ...errorFacts(first.error, style, ['tenant', 'migration', 'sqlstate']).map((line) => `    ${line}`),
    ];
  });
}

/** What is not a failure, by status and reason. */
function groupLines(results: readonly RecordedResult[], context: FormatContext, style: Style): string[] {
  const groups = new Map<string, string[]>();
  for (const { tenant, status, reason } of results) {
    if (status === 'failed') continue;
    const because = reason === undefined ? '' : `, because ${describeReason(reason as NotExecutedReason)}`;
    const word = WORDS.find(([key]) => key === status)?.[1] ?? status;
    const key = `${word}${because}`;
    groups.set(key, [...(groups.get(key) ?? []), tenant]);
  }
  return [...groups].map(([what, tenants]) => {
    const names = listed(tenants, context.verbose === true ? tenants.length : 10);
    return `${plural(tenants.length, 'tenant')} ${clean(what)}: ${style.dim(names)}`;
  });
}
