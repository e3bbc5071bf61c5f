import type { TenantWithDomains } from '../../registry/types.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import type { FormatContext } from '../text/format-context.js';
import { createStyle } from '../text/style.js';
import { table } from '../text/table.js';

/**
 * Tenants as a table: schema, name, type, status and domains, with the primary domain marked with `*`.
 *
 * On a terminal the table fits the width, and columns that are empty for all tenants are omitted. When piped, there are
 * always the same five columns, nothing is truncated, and an empty cell is `-`.
 */
export function formatList(tenants: readonly TenantWithDomains[], context: FormatContext): string {
  const style = createStyle(context.color);
  if (tenants.length === 0) {
    return context.columns === undefined
      ? ''
      : `No tenants yet. Create one: ${tenantsCommand('create-tenant', 'NAME', 'DOMAIN')}`;
  }
  const all = [
    { title: 'SCHEMA', always: true, cell: (tenant: TenantWithDomains) => tenant.schema },
    { title: 'NAME', always: false, cell: (tenant: TenantWithDomains) => tenant.name ?? '' },
    { title: 'TYPE', always: false, cell: (tenant: TenantWithDomains) => tenant.type ?? '' },
    { title: 'STATUS', always: true, cell: (tenant: TenantWithDomains) => tenant.status },
    { title: 'DOMAINS', always: false, cell: domainsCell },
  ];
  const shown = all.filter(
    ({ always, cell }) => always || context.columns === undefined || tenants.some((t) => cell(t) !== ''),
  );
  const status = shown.findIndex(({ title }) => title === 'STATUS');
  const rows = tenants.map((tenant) => shown.map(({ cell }) => cell(tenant) || '-'));
  return table(rows, {
    header: shown.map(({ title }) => title),
    columns: context.columns,
    paint: (text, column, row) => {
      if (row === 'header') return style.dim(text);
      return column === status && tenants[row]?.status !== 'active' ? style.yellow(text) : text;
    },
  }).join('\n');
}

function domainsCell({ domains }: TenantWithDomains): string {
  const sorted = [...domains].sort((a, b) => Number(b.primary) - Number(a.primary));
  return sorted.map(({ domain, primary }) => (primary ? `${domain}*` : domain)).join(', ');
}
