import type { LintFinding, LintReport } from '../../../lint/types.js';
import { plural } from '../../../util/format-count.js';
import { redact } from '../../../util/redact.js';
import { clean } from '../../text/clean.js';
import { truncate } from '../../text/display-width.js';
import type { FormatContext } from '../../text/format-context.js';
import { createStyle, type Style } from '../../text/style.js';
import { wrap } from '../../text/wrap.js';
import { shownPath } from './shown-path.js';

/** What stands before the lines of a finding below its first. */
const INDENT = '    ';

/** Findings by file, like those of a compiler. @param folder paths are shown relative to it */
export function formatLint(report: LintReport, context: FormatContext, folder: string): string {
  const style = createStyle(context.color);
  const byFile = new Map<string, LintFinding[]>();
  for (const finding of report.findings) byFile.set(finding.file, [...(byFile.get(finding.file) ?? []), finding]);
  const sections = [...byFile].map(([file, findings]) => {
    const path = clean(shownPath(file, folder));
    return [style.bold(path), ...findings.flatMap((finding) => ['', ...findingLines(finding, path, style, context)])];
  });
  const unread = report.unread.map(
    ({ file, reason }) =>
      `${style.yellow('Not looked at:')} ${clean(shownPath(file, folder))}, because ${clean(redact(reason))}.`,
  );
  return [...sections, ...(unread.length === 0 ? [] : [unread]), [summary(report, byFile.size, style)]]
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function findingLines(finding: LintFinding, path: string, style: Style, { columns }: FormatContext): string[] {
  const { severity, rule, line, column, message, suggestion, statement, docs } = finding;
  const paint = severity === 'error' ? style.red : style.yellow;
  const place = [path, ...(line === null ? [] : [line]), ...(column === null ? [] : [column])].join(':');
  const width = columns === undefined ? undefined : Math.max(20, columns - INDENT.length);
  const text = (words: string): string[] => wrap(clean(redact(words)), width).map((one) => `${INDENT}${one}`);
  const quoted = statement === null ? '' : clean(redact(statement));
  return [
    `  ${place}  ${paint(severity)}  ${style.bold(rule)}`,
    ...(quoted === '' ? [] : [`${INDENT}${style.cyan(width === undefined ? quoted : truncate(quoted, width))}`]),
    ...text(message),
    ...text(`Instead: ${suggestion}`),
    `${INDENT}${style.dim(docs)}`,
  ];
}

function summary({ findings, files, ignored }: LintReport, withFindings: number, style: Style): string {
  const looked = plural(files, 'migration file');
  const switchedOff = ignored === 0 ? '' : `; ${plural(ignored, 'finding')} switched off by comments`;
  if (findings.length === 0) return `${looked}: ${style.green('no problems found')}${switchedOff}.`;
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const parts = [
    ...(errors === 0 ? [] : [style.red(plural(errors, 'error'))]),
    ...(errors === findings.length ? [] : [style.yellow(plural(findings.length - errors, 'warning'))]),
  ];
  return `${parts.join(' and ')} in ${withFindings} of ${looked}${switchedOff}.`;
}

/** The findings of a plan, counted, with the most important ones. */
export function planFindingLines(findings: readonly LintFinding[], style: Style, lintCommand: string): string[] {
  if (findings.length === 0) return [];
  const errors = findings.filter(({ severity }) => severity === 'error');
  const top = [...errors, ...findings.filter(({ severity }) => severity === 'warning')].slice(0, SHOWN);
  const counts = [
    ...(errors.length === 0 ? [] : [style.red(plural(errors.length, 'error'))]),
    ...(errors.length === findings.length ? [] : [style.yellow(plural(findings.length - errors.length, 'warning'))]),
  ];
  return [
    `${style.bold('Findings in these migrations:')} ${counts.join(' and ')}`,
    ...top.map(
      ({ severity, rule, migration, line, message }) =>
        `  ${severity === 'error' ? style.red(severity) : style.yellow(severity)} ${clean(migration)}${line === null ? '' : `:${line}`} ${style.dim(rule)} ${clean(redact(message))}`,
    ),
    ...(findings.length > top.length ? [`  and ${plural(findings.length - top.length, 'more finding', 'more')}`] : []),
    `  What to do instead: ${lintCommand}`,
  ];
}

/** Findings that a plan shows. */
const SHOWN = 3;
