import type { TenantSize } from '../../lifecycle/tenant-size.js';
import { formatBytes } from '../../util/format-bytes.js';
import { formatCount, plural } from '../../util/format-count.js';
import { clean } from '../text/clean.js';
import { listed } from '../text/name-list.js';

/** Domains that are named; more are counted. */
const DOMAINS = 5;

/** What deleting a tenant takes away, or unregistering it: `This deletes the tenant "acme": …`. */
export function formatTenantSize(
  { tenant, schema, rows }: TenantSize,
  { keepSchema }: { keepSchema: boolean },
): string {
  const { domains } = tenant;
  const names = listed(
    domains.map(({ domain }) => domain),
    DOMAINS,
  );
  const parts = [
    ...(keepSchema ? [] : [rows === undefined ? contents(schema) : sharedRows(rows)]),
    ...(domains.length === 0 ? [] : [`${plural(domains.length, 'domain')} (${names})`]),
  ];
  const verb = keepSchema ? 'unregisters' : 'deletes';
  const what = parts.length === 0 ? 'it has no domains' : parts.join(', ');
  return `This ${verb} the tenant "${clean(tenant.schema)}": ${what}${keepSchema ? '; its schema stays' : ''}.`;
}

/** Tables that are named; of more the number is. */
const TABLES = 5;

function sharedRows(rows: NonNullable<TenantSize['rows']>): string {
  const total = rows.reduce((sum, { rows: count }) => sum + count, 0);
  if (total === 0) return 'it has no rows in shared tables';
  const largest = rows
    .toSorted((a, b) => b.rows - a.rows)
    .map(({ table, rows: count }) => `${clean(table)}: ${formatCount(count)}`);
  return `${plural(total, 'row')} in ${plural(rows.length, 'shared table')} (${listed(largest, TABLES)})`;
}

function contents(schema: TenantSize['schema']): string {
  if (schema === null) return 'it has no schema';
  const { tables, rows, bytes } = schema;
  const size = bytes === null ? '' : `, ${formatBytes(bytes)}`;
  return `${plural(tables, 'table')} with about ${formatCount(rows)} ${Math.round(rows) === 1 ? 'row' : 'rows'}${size}`;
}
