import type { SnapshotReport } from '../../../lifecycle/snapshot/types.js';
import { formatDuration } from '../../../util/duration.js';
import { formatBytes } from '../../../util/format-bytes.js';
import { plural } from '../../../util/format-count.js';
import { clean } from '../../text/clean.js';
import type { FormatContext } from '../../text/format-context.js';
import { listed } from '../../text/name-list.js';
import { createStyle } from '../../text/style.js';

/** What was stored for each type. */
export function formatSnapshot({ snapshots, file, durationMs }: SnapshotReport, { color }: FormatContext): string {
  const style = createStyle(color);
  const where = file === null ? 'in the journal' : `in ${clean(file)}`;
  const lines = [`${style.green('✔')} Stored ${where} in ${formatDuration(durationMs)}`];
  for (const { type, last, migrations, bytes, defaults } of snapshots) {
    const who = type === null ? 'Tenants' : `Tenants of the type ${clean(type)}`;
    const until = last === null ? '' : ` up to ${clean(last)}`;
    lines.push(`  ${who}: ${plural(migrations, 'migration')}${until}, ${formatBytes(bytes)} of SQL`);
    if (defaults.length > 0) lines.push(`    ${style.dim('Values that differ each time:')} ${listed(defaults, 10)}`);
  }
  return lines.join('\n');
}
