import type { TenantDomain } from '../../registry/types.js';
import { formatDuration } from '../../util/duration.js';
import { plural } from '../../util/format-count.js';
import { clean } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { createStyle } from '../text/style.js';
import { formatCreated, type TenantDocument } from './format-created-tenant.js';

/** A tenant that was changed, and what should be known about it. */
export type ChangeDocument = TenantDocument & { warnings: readonly string[] };

/** What was done to a tenant; `verb` is what the command did to it: `Cloned`, `Renamed`. */
export function formatChanged(document: ChangeDocument, context: FormatContext, verb: string): string {
  return [formatCreated(document, context, verb), ...warnings(document, context)].join('\n');
}

/**
 * A tenant that is gone; with `unregistered` as its status, only its registration is.
 *
 * @param options.dump the file that its schema was written to
 */
export function formatDeleted(
  document: ChangeDocument,
  context: FormatContext,
  options: { dump?: string } = {},
): string {
  const style = createStyle(context.color);
  const { tenant, domains, durationMs } = document;
  const kept = tenant.status === 'unregistered';
  const freed = domains.length > 0 ? ` and ${plural(domains.length, 'domain')}` : '';
  return [
    `${style.green('✔')} ${kept ? 'Unregistered' : 'Deleted'} tenant ${style.bold(clean(tenant.schema))}${freed} in ${formatDuration(durationMs)}`,
    ...(kept ? [`  The schema stays; to take it back: tenants create-tenant ${clean(tenant.schema)} --adopt`] : []),
    ...(options.dump === undefined ? [] : [`  ${style.dim('Dump:')} ${clean(options.dump)}`]),
    ...warnings(document, context),
  ].join('\n');
}

/** A domain that was taken from a tenant, and how to give it back. */
export function formatDeletedDomain(
  document: ChangeDocument & { deleted: TenantDomain },
  context: FormatContext,
): string {
  const style = createStyle(context.color);
  const { tenant, deleted } = document;
  const schema = clean(tenant.schema);
  const domain = clean(deleted.domain);
  return [
    `${style.green('✔')} Took ${style.bold(domain)} from tenant ${style.bold(schema)}`,
    `  To give it back: tenants create-domain ${schema} ${domain}${deleted.primary ? ' --primary' : ''}`,
    ...warnings(document, context),
  ].join('\n');
}

function warnings({ warnings: all }: ChangeDocument, context: FormatContext): string[] {
  const style = createStyle(context.color);
  return all.map((warning) => `  ${style.yellow('Warning:')} ${clean(warning)}`);
}
