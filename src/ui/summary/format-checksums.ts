import type { ChecksumsReport } from '../../fleet/checksums/checksums.js';
import { describeComparison } from '../../journal/checksums/describe.js';
import { plural } from '../../util/format-count.js';
import { clean } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { listed } from '../text/name-list.js';
import { createStyle } from '../text/style.js';

/** Which applied files were edited or renamed since. @param root paths are shown relative to it */
export function formatChecksums(report: ChecksumsReport, context: FormatContext, root: string): string {
  const style = createStyle(context.color);
  const accepted = report.accepted.length === 0 ? [] : [`Accepted as applied: ${listed(report.accepted, 20)}`];
  if (report.recorded === 0) {
    return [...accepted, 'No checksums are recorded yet. The next migrate records what is applied.'].join('\n');
  }
  const lines = describeComparison(report, root);
  if (lines.length === 0) lines.push(`${plural(report.recorded, 'recorded migration')}: no file was edited since.`);
  else return [...accepted, ...lines.map((line) => style.yellow(clean(line)))].join('\n');
  return [...accepted, ...lines.map((line) => clean(line))].join('\n');
}
