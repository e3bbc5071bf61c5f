import type { Check, DoctorReport } from '../../doctor/types.js';
import { formatCount, plural } from '../../util/format-count.js';
import { redact } from '../../util/redact.js';
import { clean } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { listed } from '../text/name-list.js';
import { createStyle, type Style } from '../text/style.js';
import { table } from '../text/table.js';
import { wrap } from '../text/wrap.js';

/** Maximum number of names, objects and suggestions listed for one check; `--verbose` and `--json` show all. */
const ITEMS = 5;
const NAMES = 10;
const SUGGESTIONS = 4;

/**
 * All checks as a table, expected and actual side by side; then details and suggestions for each check that is wrong or was
 * repaired.
 */
export function formatDoctor({ checks }: DoctorReport, context: FormatContext): string {
  const style = createStyle(context.color);
  const told = checks.filter((check) => isWrong(check) || check.fixed || check.failures !== undefined);
  return [
    tableLines(checks, context, style),
    ...told.map((check) => explained(check, context, style)),
    [verdict(checks, style)],
  ]
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function tableLines(checks: readonly Check[], { columns }: FormatContext, style: Style): string[] {
  return table(
    checks.map((check) => [markOf(check), check.name, check.expected, redact(check.actual)]),
    {
      header: ['', 'CHECK', 'EXPECTED', 'ACTUAL'],
      columns,
      shrink: [2, 3],
      paint: (text, column, row) => {
        const check = row === 'header' ? undefined : checks[row];
        if (check === undefined) return style.dim(text);
        if (column === 0 || (column === 3 && isWrong(check))) return paintOf(check, style)(text);
        return column === 2 || check.skipped === true ? style.dim(text) : text;
      },
    },
  );
}

function isWrong({ ok, skipped }: Check): boolean {
  return !ok && skipped !== true;
}

function markOf(check: Check): string {
  if (check.skipped === true) return '-';
  return check.ok ? '✔' : '✖';
}

function paintOf(check: Check, style: Style): (text: string) => string {
  if (check.skipped === true) return style.dim;
  return check.ok ? style.green : style.red;
}

function explained(check: Check, { columns, verbose }: FormatContext, style: Style): string[] {
  const { name, expected, items = [], suggestions = [], done = [], failures = [] } = check;
  const line = (label: string, text: string): string[] => labelled(label, redact(text), columns);
  const some = (texts: readonly string[], limit: number, print: (text: string) => string[]): string[] => {
    const shown = verbose === true ? texts : texts.slice(0, limit);
    const rest = texts.length - shown.length;
    return [...shown.flatMap(print), ...(rest > 0 ? [`      and ${formatCount(rest)} more; --verbose shows all`] : [])];
  };
  const itemLines = (texts: readonly string[]): string[] => {
    if (verbose === true || texts.some((text) => text.includes(': '))) {
      return some(texts, ITEMS, (text) => indented('    - ', redact(text), columns));
    }
    // Names alone are listed side by side.
    return texts.length === 0 ? [] : indented('    - ', redact(listed(texts, NAMES)), columns);
  };
  const paint = paintOf(check, style);
  return [
    `${paint(markOf(check))} ${style.bold(name)}`,
    ...(check.ok ? [] : [...line('expected:', expected), ...line('actual:  ', check.actual)]),
    ...(check.ok ? [] : itemLines(items)),
    ...some(done, ITEMS, (text) => mark(indented('    ✔ ', redact(text), columns), '✔', style.green)),
    ...some(failures, ITEMS, (text) => mark(indented('    ✖ ', redact(text), columns), '✖', style.red)),
    ...(check.ok
      ? []
      : some(suggestions, SUGGESTIONS, (text) =>
          mark(indented('    Try: ', redact(text), columns), 'Try:', style.cyan),
        )),
  ];
}

function labelled(label: string, text: string, columns: number | undefined): string[] {
  return indented(`    ${label} `, text, columns);
}

/** A text after a prefix, wrapped to the terminal's width with a hanging indent. */
function indented(beginning: string, text: string, columns: number | undefined): string[] {
  const room = columns === undefined ? undefined : columns - beginning.length;
  return wrap(clean(text), room).map((line, index) => (index === 0 ? beginning : ' '.repeat(beginning.length)) + line);
}

function mark(lines: string[], word: string, paint: (text: string) => string): string[] {
  return lines.map((line, index) => (index === 0 ? line.replace(word, () => paint(word)) : line));
}

function verdict(checks: readonly Check[], style: Style): string {
  const wrong = checks.filter(isWrong).length;
  const fixed = checks.filter((check) => check.fixed).length;
  const notMade = checks.filter(({ skipped }) => skipped === true).length;
  const right = checks.length - wrong - notMade;
  const parts = [
    ...(wrong > 0 ? [style.red(`${formatCount(wrong)} wrong`)] : []),
    ...(notMade > 0 ? [`${formatCount(notMade)} not made`] : []),
    style.green(`${formatCount(right)} right${fixed > 0 ? ` (${formatCount(fixed)} fixed)` : ''}`),
  ];
  return `${plural(checks.length, 'check')}: ${parts.join(', ')}`;
}
