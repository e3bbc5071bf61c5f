import type { TenantDomain } from '../../registry/types.js';
import { formatDuration } from '../../util/duration.js';
import { plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { clean } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { createStyle } from '../text/style.js';
import { formatCreated, type TenantDocument } from './format-created-tenant.js';

/** A tenant that was changed, with warnings. */
export type ChangeDocument = TenantDocument & { warnings: readonly string[] };

/** The result of a change of one tenant; `verb` says what the command did: `Cloned`, `Renamed`. */
export function formatChanged(document: ChangeDocument, context: FormatContext, verb: string): string {
  return [formatCreated(document, context, verb), ...warnings(document, context)].join('\n');
}

/**
 * The result of deleting a tenant or, with the status `unregistered`, only its registration.
 *
 * @param options.dump the file to which its schema was dumped
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
    ...(kept
      ? [
          `  The schema was kept. To register it again: ${clean(tenantsCommand('create-tenant', tenant.schema, '--adopt'))}`,
        ]
      : []),
    ...(options.dump === undefined ? [] : [`  ${style.dim('Dump:')} ${clean(options.dump)}`]),
    ...warnings(document, context),
  ].join('\n');
}

/** The result of removing a domain from a tenant, and how to restore it. */
export function formatDeletedDomain(
  document: ChangeDocument & { deleted: TenantDomain },
  context: FormatContext,
): string {
  const style = createStyle(context.color);
  const { tenant, deleted } = document;
  const schema = clean(tenant.schema);
  const domain = clean(deleted.domain);
  return [
    `${style.green('✔')} Removed ${style.bold(domain)} from tenant ${style.bold(schema)}`,
    `  To restore it: ${clean(tenantsCommand('create-domain', tenant.schema, deleted.domain, ...(deleted.primary ? ['--primary'] : [])))}`,
    ...warnings(document, context),
  ].join('\n');
}

function warnings({ warnings: all }: ChangeDocument, context: FormatContext): string[] {
  const style = createStyle(context.color);
  return all.map((warning) => `  ${style.yellow('Warning:')} ${clean(warning)}`);
}
