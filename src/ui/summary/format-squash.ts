import type { SquashReport } from '../../structure/squash.js';
import { plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { clean } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { listed } from '../text/name-list.js';
import { createStyle } from '../text/style.js';
import { shownPath } from './lint/shown-path.js';

/** What was written, and what is left to do. @param folder paths are relative to it */
export function formatSquash(report: SquashReport, context: FormatContext, folder: string): string {
  const style = createStyle(context.color);
  const { file, replaces, defaults, behind, deleted } = report;
  const what = plural(replaces.length, 'migration');
  const range = replaces.length === 0 ? '' : ` (${clean(replaces[0] ?? '')} to ${clean(replaces.at(-1) ?? '')})`;
  const lines = [
    `${style.green('Wrote')} ${clean(shownPath(file, folder))}`,
    `It replaces ${what}${range}, and makes the same: that was tried.`,
  ];
  if (defaults.length > 0) {
    lines.push(`Values that differ each time come from the defaults of: ${listed(defaults)}`);
  }
  if (behind.length > 0) {
    lines.push(
      `${style.yellow('!')} ${plural(behind.length, 'tenant')} with only some of them will be refused; migrate first: ${listed(behind)}`,
    );
  }
  lines.push(
    deleted.length > 0
      ? `Deleted the replaced files.`
      : 'The replaced files are ignored from now on. Delete them when every deployment has this file.',
    `To record it for the tenants that have all of them, run: ${tenantsCommand('migrate')}`,
  );
  return lines.join('\n');
}
