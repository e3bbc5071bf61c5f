import type { DistributeReport, PlacedTenant } from '../../../lifecycle/citus/distribute-tenants.js';
import type { MovedTenant } from '../../../lifecycle/citus/move-tenant.js';
import { formatDuration } from '../../../util/duration.js';
import { plural } from '../../../util/format-count.js';
import { redact } from '../../../util/redact.js';
import { clean } from '../../text/clean.js';
import type { FormatContext } from '../../text/format-context.js';
import { createStyle, type Style } from '../../text/style.js';

/** What became of tenants that were to be placed on nodes: a line for each that was placed or failed. */
export function formatDistributed({ results, durationMs }: DistributeReport, context: FormatContext): string {
  const style = createStyle(context.color);
  const told = results.filter(({ status }) => status !== 'unchanged');
  const unchanged = results.length - told.length;
  return [
    ...told.map((result) => placedLine(result, style)),
    ...(unchanged > 0 ? [style.dim(`${plural(unchanged, 'tenant')} left unchanged`)] : []),
    style.dim(`Took ${formatDuration(durationMs)}`),
  ].join('\n');
}

function placedLine(result: PlacedTenant, style: Style): string {
  const name = style.bold(clean(result.tenant));
  if (result.status === 'failed') return `${style.red('✖')} ${name}: ${clean(redact(result.error.message))}`;
  return `${style.green('✔')} ${name} is on ${clean(result.node ?? 'the coordinator')}`;
}

export function formatMoved({ tenant, from, to, moved, durationMs }: MovedTenant, context: FormatContext): string {
  const style = createStyle(context.color);
  const name = style.bold(clean(tenant.schema));
  if (!moved) return `${name} is on ${clean(to)} already`;
  const place = from === null ? '' : ` from ${clean(from)}`;
  return `${style.green('✔')} Moved tenant ${name}${place} to ${clean(to)} in ${formatDuration(durationMs)}`;
}
