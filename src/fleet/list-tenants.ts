import type { Client } from 'pg';

import { isOnCitus } from '../db/citus/cluster.js';
import { readTenantNodes } from '../db/citus/nodes.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { assertRegistry } from '../registry/check.js';
import { hasOwnSchema, isRowTenant, readTenantsWithDomains } from '../registry/list.js';
import { STATUS } from '../registry/names.js';
import { filterTenants, isRestricted, type TenantSelection } from '../registry/select.js';
import type { TenantWithDomains } from '../registry/types.js';
import { withSession } from '../session/control-session.js';
import { orderBy, parseTenantOrder } from '../util/tenant-order.js';
import { readMatching } from './matching-tenants.js';
import { surveyFleet } from './read-fleet.js';
import { nothingSelected, typesOf } from './selection.js';
import { summarize } from './summaries.js';
import type { CohortSummary } from './types.js';

export type ListOptions = TenantSelection & {
  /** Only rows of these states. */
  statuses?: readonly string[];
  /** Columns of the tenant table with directions: `created_at desc`. Default: the project's order. */
  sort?: string;
  /** Also where the migrations of each tenant stand. */
  migrations?: boolean;
};

/** Where the migrations of a tenant stand. */
export type MigrationsState = Pick<CohortSummary, 'state' | 'last' | 'applied'> & { pending: number };

/**
 * `migrations` is `null` for the public tenant, for one that is being deleted, and for one that shares tables, which `rows` says.
 */
export type ListedTenant = TenantWithDomains & {
  rows?: true;
  /** On Citus: the node of a distributed schema, `host:port`; `null` for a local one, and for one that has no table yet. */
  node?: string | null;
  migrations?: MigrationsState | null;
};

/**
 * The tenants of the registry with their domains, the public tenant included, in any state.
 *
 * @throws TenantsError for unknown names, types and statuses; NOTHING_SELECTED when a selection leaves no tenant, but not when no
 *   tenant has one of the statuses; USAGE for columns that tenants cannot be sorted by.
 */
export async function listTenants(project: Project, options: ListOptions = {}): Promise<ListedTenant[]> {
  const { registry } = project;
  return await withSession(project, 'list', async ({ client }) => {
    await assertRegistry(client, registry);
    const tenants = await readSorted(client, project, options.sort);
    const { where, statuses, sort: _sort, migrations, ...selection } = options;
    const matching = where === undefined ? undefined : await readMatching(client, project, where);
    const selected = filterTenants(tenants, selection, { types: typesOf(project), matching });
    if (selected.length === 0 && isRestricted(options)) throw nothingSelected();
    const listed = statuses === undefined ? selected : filterTenants(tenants, { statuses }).filter(isAmong(selected));
    const told = listed.map((tenant) => (isRowTenant(registry, tenant) ? { ...tenant, rows: true as const } : tenant));
    const placed = isOnCitus(client) ? await withNodes(client, told) : told;
    return migrations === true ? await withMigrations(client, project, placed) : placed;
  });
}

const COLUMN_ALIASES = { schema: 'schemaName', created: 'createdAt' } as const;

/** `schema` and `created` stand for the columns of these, whatever they are called. */
async function readSorted(client: Client, project: Project, sort: string | undefined): Promise<TenantWithDomains[]> {
  const { registry } = project;
  if (sort === undefined) return await readTenantsWithDomains(client, registry, { order: project.tenants.order });
  const columns = parseTenantOrder(sort) ?? [];
  const order = columns.map(({ column, direction, nulls }) => {
    const key = Object.hasOwn(COLUMN_ALIASES, column)
      ? COLUMN_ALIASES[column as keyof typeof COLUMN_ALIASES]
      : undefined;
    const name = key === undefined ? column : (registry.tenants.columns[key] ?? column);
    return [quoted(name), direction, ...(nulls === undefined ? [] : [`NULLS ${nulls}`])].join(' ');
  });
  try {
    return await readTenantsWithDomains(client, registry, { order: order.join(', ') });
  } catch (error) {
    if (!isTenantsError(error) || error.code !== 'CONFIG_INVALID') throw error;
    throw new TenantsError('USAGE', error.message, { suggestions: error.suggestions, cause: error.cause });
  }
}

function quoted(column: string): string {
  const text = orderBy(column);
  return text.startsWith('"') ? text : `"${text}"`;
}

function isAmong(tenants: readonly TenantWithDomains[]): (tenant: TenantWithDomains) => boolean {
  const names = new Set(tenants.map(({ schema }) => schema));
  return ({ schema }) => names.has(schema);
}

async function withNodes(client: Client, tenants: readonly ListedTenant[]): Promise<ListedTenant[]> {
  const nodes = await readTenantNodes(
    client,
    tenants.map(({ schema }) => schema),
  );
  return tenants.map((tenant) => ({ ...tenant, node: nodes.get(tenant.schema) ?? null }));
}

async function withMigrations(
  client: Client,
  project: Project,
  tenants: readonly ListedTenant[],
): Promise<ListedTenant[]> {
  const surveyed = tenants.filter(
    (tenant) => hasOwnSchema(project.registry, tenant) && tenant.status !== STATUS.deleting,
  );
  const { cohorts } = await surveyFleet(client, project, tenants, { choose: () => Promise.resolve(surveyed) });
  const states = new Map<string, MigrationsState>();
  for (const cohort of cohorts) {
    const [summary] = summarize([cohort]).cohorts;
    if (summary === undefined) continue;
    const { state, last, applied, pending } = summary;
    for (const { schema } of cohort.members) states.set(schema, { state, last, applied, pending: pending.length });
  }
  return tenants.map((tenant) => ({ ...tenant, migrations: states.get(tenant.schema) ?? null }));
}
