import type { PoolOfType, PoolReport } from '../../../lifecycle/pool/types.js';
import { formatDuration } from '../../../util/duration.js';
import { plural } from '../../../util/format-count.js';
import { redact } from '../../../util/redact.js';
import { tenantsCommand } from '../../../util/tenants-command.js';
import { clean } from '../../text/clean.js';
import type { FormatContext } from '../../text/format-context.js';
import { createStyle } from '../../text/style.js';
import { table } from '../../text/table.js';

/** The schemas of each type that are ready for new tenants, and what was done about them. */
export function formatPool(report: PoolReport, filled: boolean, { color, columns }: FormatContext): string {
  const style = createStyle(color);
  const { pools, failures, warnings, busy, durationMs } = report;
  const header = ['TYPE', 'READY', 'OF', 'STALE', 'UNFINISHED'];
  const rows = pools.map(({ type, ready, size, stale, unfinished }) => [
    type ?? '(none)',
    ...[ready, size, stale, unfinished].map(String),
  ]);
  const lines = table(rows, { header, columns, right: [1, 2, 3, 4] });
  if (filled && !busy) lines.push('', `${doneLine(pools)} in ${formatDuration(durationMs)}`);
  if (busy) lines.push('', style.yellow('Another process is filling the pool; nothing was done.'));
  for (const { message } of failures) lines.push('', `${style.red('✖')} ${clean(redact(message))}`);
  for (const warning of warnings) lines.push('', `${style.yellow('Warning:')} ${clean(redact(warning))}`);
  const wanting = pools.some(({ ready, size, stale, unfinished }) => ready < size || stale + unfinished > 0);
  if (!filled && wanting) lines.push('', `To fill it, run: ${tenantsCommand('pool', '--fill')}`);
  return lines.join('\n');
}

function doneLine(pools: readonly PoolOfType[]): string {
  const sum = (key: 'created' | 'updated' | 'dropped'): number => pools.reduce((total, one) => total + one[key], 0);
  const parts = (['created', 'updated', 'dropped'] as const).flatMap((key) =>
    sum(key) === 0 ? [] : [`${plural(sum(key), 'schema')} ${key}`],
  );
  return parts.length === 0 ? 'Nothing to do' : parts.join(', ');
}
