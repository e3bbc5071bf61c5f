import type { ListedTenant } from '../../fleet/list-tenants.js';
import type { TenantDomain } from '../../registry/types.js';
import { formatCount } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { clean } from '../text/clean.js';
import { csvLine } from '../text/csv.js';
import { displayWidth } from '../text/display-width.js';
import type { FormatContext } from '../text/format-context.js';
import { createStyle } from '../text/style.js';
import { table } from '../text/table.js';

/** Two spaces between the columns of a table. */
const GAP = 2;
/** Room for a display name where there is little. */
const LABEL = 12;

type Column = {
  title: string;
  /** Shown even where it is empty for all tenants. */
  always: boolean;
  /** Names that one may have to type are never cut. */
  cut: boolean;
  cell: (tenant: ListedTenant) => string;
};

const COLUMNS: readonly Column[] = [
  { title: 'SCHEMA', always: true, cut: false, cell: ({ schema }) => schema },
  { title: 'NAME', always: false, cut: true, cell: ({ name }) => name ?? '' },
  { title: 'TYPE', always: false, cut: false, cell: ({ type }) => type ?? '' },
  { title: 'KIND', always: true, cut: false, cell: ({ rows }) => (rows === true ? 'rows' : 'schema') },
  { title: 'STATUS', always: true, cut: false, cell: ({ status }) => status },
  { title: 'NODE', always: true, cut: false, cell: ({ node }) => node ?? '' },
  { title: 'MIGRATIONS', always: false, cut: false, cell: migrationsCell },
  { title: 'DOMAINS', always: false, cut: false, cell: (tenant) => domainNames(tenant).join(', ') },
];

/**
 * Tenants as a table: schema, name, type, status, the state of the migrations where it was asked for, and domains, with the primary
 * domain marked with `*`.
 *
 * On a terminal the table fits the width as far as names of tenants and domains need not be cut for it: as many domains as fit are
 * shown, and the number of others. Columns that are empty for all tenants are omitted. When piped, there are always the same
 * columns, nothing is left out, and an empty cell is `-`.
 *
 * @param options.filtered only some of the tenants were asked for
 */
export function formatList(
  tenants: readonly ListedTenant[],
  context: FormatContext,
  options: { filtered?: boolean } = {},
): string {
  const style = createStyle(context.color);
  const { columns } = context;
  if (tenants.length === 0) {
    if (columns === undefined) return '';
    if (options.filtered === true) return 'No such tenants.';
    return `No tenants yet. Create one: ${tenantsCommand('create-tenant', 'NAME', 'DOMAIN')}`;
  }
  const hasMigrations = tenants.some(({ migrations }) => migrations !== undefined);
  const hasRows = tenants.some(({ rows }) => rows === true);
  const hasNodes = tenants.some(({ node }) => node !== undefined);
  const optional: Record<string, boolean> = { MIGRATIONS: hasMigrations, KIND: hasRows, NODE: hasNodes };
  const asked = COLUMNS.filter(({ title }) => optional[title] ?? true);
  const shown = asked.filter(
    ({ always, cell }) => always || columns === undefined || tenants.some((tenant) => cell(tenant) !== ''),
  );
  const status = shown.findIndex(({ title }) => title === 'STATUS');
  const last = shown.length - 1;
  const room = columns === undefined ? undefined : roomForDomains(shown, tenants, columns);
  const cellOf = ({ title, cell }: Column, tenant: ListedTenant): string =>
    title === 'DOMAINS' && room !== undefined && tenant.domains.length > 0
      ? domainsWithin(domainNames(tenant), room)
      : cell(tenant);
  const rows = tenants.map((tenant) => shown.map((column) => cellOf(column, tenant) || '-'));
  return table(rows, {
    header: shown.map(({ title }) => title),
    columns,
    shrink: shown.flatMap(({ cut }, index) => (cut ? [index] : [])),
    paint: (text, column, row) => {
      if (row === 'header') return style.dim(text);
      if (column === status && tenants[row]?.status !== 'active') return style.yellow(text);
      return column !== last && shown[column]?.title === 'MIGRATIONS' && !isUpToDate(tenants[row])
        ? style.yellow(text)
        : text;
    },
  }).join('\n');
}

/** Tenants as CSV with a header row. Domains are separated by spaces, the primary one first. */
export function formatListCsv(tenants: readonly ListedTenant[]): string {
  const withMigrations = tenants.some(({ migrations }) => migrations !== undefined);
  const header = ['schema', 'name', 'type', 'status', 'primary_domain', 'domains'];
  const withNodes = tenants.some(({ node }) => node !== undefined);
  const more = [
    ...(withNodes ? ['node'] : []),
    ...(withMigrations ? ['migrations', 'last_migration', 'applied', 'pending'] : []),
  ];
  const lines = tenants.map(({ schema, name, type, status, domains, node, migrations }) => [
    schema,
    name,
    type,
    status,
    domains.find(({ primary }) => primary)?.domain ?? null,
    sorted(domains)
      .map(({ domain }) => domain)
      .join(' ') || null,
    ...(withNodes ? [node ?? null] : []),
    ...(withMigrations
      ? [migrations?.state, migrations?.last, migrations?.applied, migrations?.pending].map((value) =>
          value === undefined || value === null ? null : String(value),
        )
      : []),
  ]);
  return [[...header, ...more], ...lines].map((line) => csvLine(line)).join('');
}

/** What the other columns leave for the domains, with a display name cut to a few letters if need be. */
function roomForDomains(shown: readonly Column[], tenants: readonly ListedTenant[], columns: number): number {
  const others = shown.filter(({ title }) => title !== 'DOMAINS');
  const widths = others.map(({ title, cut, cell }) => {
    const widest = Math.max(title.length, ...tenants.map((tenant) => displayWidth(clean(cell(tenant)))));
    return cut ? Math.min(widest, LABEL) : widest;
  });
  return columns - widths.reduce((sum, width) => sum + width + GAP, 0);
}

/** As many whole names as fit, at least one, and the number of others: `acme.example.com* +2`. */
function domainsWithin(names: readonly string[], columns: number): string {
  for (let shown = names.length; shown > 1; shown -= 1) {
    const text = domainsText(names, shown);
    if (displayWidth(clean(text)) <= columns) return text;
  }
  return domainsText(names, 1);
}

function domainsText(names: readonly string[], shown: number): string {
  const others = names.length - shown;
  return names.slice(0, shown).join(', ') + (others > 0 ? ` +${formatCount(others)}` : '');
}

function domainNames({ domains }: ListedTenant): string[] {
  return sorted(domains).map(({ domain, primary }) => (primary ? `${domain}*` : domain));
}

function sorted(domains: readonly TenantDomain[]): TenantDomain[] {
  return [...domains].sort((a, b) => Number(b.primary) - Number(a.primary));
}

const STATES = {
  upToDate: 'up to date',
  pending: '',
  ahead: 'ahead',
  outOfOrder: 'out of order',
  missing: 'missing',
  unreadable: 'unreadable',
  unknownType: 'unknown type',
} as const;

function migrationsCell({ migrations, rows }: ListedTenant): string {
  if (rows === true) return 'shared';
  if (migrations === undefined || migrations === null) return '';
  return STATES[migrations.state] || `${formatCount(migrations.pending)} pending`;
}

function isUpToDate(tenant: ListedTenant | undefined): boolean {
  const migrations = tenant?.migrations;
  return migrations === undefined || migrations === null || migrations.state === 'upToDate';
}
