import type { Tenant, TenantDomain } from '../../registry/types.js';
import { formatDuration } from '../../util/duration.js';
import { plural } from '../../util/format-count.js';
import { clean } from '../text/clean.js';
import type { FormatContext } from '../text/format-context.js';
import { listed } from '../text/name-list.js';
import { createStyle } from '../text/style.js';

/** What `create-tenant` and the other commands that change one tenant return. */
export type TenantDocument = {
  tenant: Tenant;
  domains: readonly TenantDomain[];
  /** Names of the migrations that were applied. */
  migrations: readonly string[];
  durationMs: number;
};

/** The result of a change of one tenant; `verb` says what the command did: `Created`, `Found`, `Cloned`, `Renamed`. */
export function formatCreated(document: TenantDocument, context: FormatContext, verb = 'Created'): string {
  const style = createStyle(context.color);
  const { tenant, domains, migrations, durationMs } = document;
  const facts = [
    tenant.name,
    tenant.type === null ? null : `type ${tenant.type}`,
    tenant.status === 'active' ? null : tenant.status,
  ];
  const said = facts.filter((fact) => fact !== null && fact !== '').map((fact) => clean(String(fact)));
  const about = said.length > 0 ? ` (${said.join(', ')})` : '';
  const lines = [
    `${style.green('✔')} ${verb} tenant ${style.bold(clean(tenant.schema))}${about} in ${formatDuration(durationMs)}`,
  ];
  if (domains.length > 0) {
    const names = domains.map(({ domain, primary }) =>
      primary && domains.length > 1 ? `${domain} (primary)` : domain,
    );
    lines.push(`  ${style.dim('Domains:')} ${listed(names, names.length)}`);
  }
  if (migrations.length > 0) {
    const limit = context.verbose ? migrations.length : 3;
    lines.push(
      `  ${style.dim('Migrations:')} ${plural(migrations.length, 'applied', 'applied')}: ${listed(migrations, limit)}`,
    );
  }
  return lines.join('\n');
}
