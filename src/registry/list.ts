import type { Client } from 'pg';

import { qualified, quoteIdentifier } from '../db/identifiers.js';
import { isRowSecurityError, ROW_SECURITY_ADVICE } from '../db/row-security.js';
import { codeOf, SQLSTATE } from '../db/sqlstates.js';
import { TenantsError } from '../errors/tenants-error.js';
import { ORDER_FORM, type OrderColumn, parseTenantOrder } from '../util/tenant-order.js';
import { assertRegistry } from './check.js';
import { readRegistryColumns } from './columns.js';
import { type RegistryShape, STATUS } from './names.js';
import type { Tenant, TenantWithDomains } from './types.js';

/**
 * All tenants, the public one included, or those of the given names; without their domains, in one query.
 *
 * @param options.order columns of the tenant table that give the order, see `parseTenantOrder`; the schema name decides between equals.
 * @throws TenantsError CONFIG_INVALID when there is no such column or it has no order; REGISTRY_MISSING,
 *   REGISTRY_MISMATCH.
 */
export function readTenants(
  client: Client,
  shape: RegistryShape,
  { order, names }: { order: string; names?: readonly string[] },
): Promise<Tenant[]> {
  const filter = names === undefined ? 'IS NOT NULL' : '= ANY ($1::text[])';
  const sql = `SELECT ${tenantFields(shape)} FROM ${tenantTable(shape)} t
    WHERE ${schemaName(shape)} ${filter} ORDER BY ${ordering(shape, order)}`;
  return queryTenants<Tenant>(client, shape, sql, names === undefined ? [] : [names], order);
}

/** All tenants with their domains, the primary one first, then in alphabetical order. Otherwise as `readTenants`. */
export function readTenantsWithDomains(
  client: Client,
  shape: RegistryShape,
  { order }: { order: string },
): Promise<TenantWithDomains[]> {
  const sql = `SELECT ${tenantFields(shape)}, coalesce(d.list, '[]') AS domains FROM ${tenantTable(shape)} t
    LEFT JOIN (${domainLists(shape)}) d ON d.tenant = t.${quoteIdentifier(shape.tenants.columns.id)}
    WHERE ${schemaName(shape)} IS NOT NULL ORDER BY ${ordering(shape, order)}`;
  return queryTenants<TenantWithDomains>(client, shape, sql, [], order);
}

/** The tenant of that name with its domains, or `undefined`. Errors as in `readTenants`. */
export async function findTenant(
  client: Client,
  shape: RegistryShape,
  schema: string,
): Promise<TenantWithDomains | undefined> {
  const id = `t.${quoteIdentifier(shape.tenants.columns.id)}`;
  const sql = `SELECT ${tenantFields(shape)}, coalesce(d.list, '[]') AS domains FROM ${tenantTable(shape)} t
    LEFT JOIN LATERAL (${domainLists(shape, id)}) d ON true WHERE ${schemaName(shape)} = $1`;
  const [tenant] = await queryTenants<TenantWithDomains>(client, shape, sql, [schema]);
  return tenant;
}

/** The public tenant lives in the shared schema: it has domains, but no schema and no migrations of its own. */
export function isPublicTenant(shape: RegistryShape, tenant: Pick<Tenant, 'schema'>): boolean {
  return tenant.schema === shape.schema;
}

/** The rows of such a tenant are in tables that it shares with others: it has no schema and no migrations of its own. */
export function isRowTenant({ rows }: RegistryShape, { type }: Pick<Tenant, 'type'>): boolean {
  return rows !== undefined && type !== null && rows.types.includes(type);
}

/** Whether a tenant has a schema that is its own: it is neither the public one nor one of those that share tables. */
export function hasOwnSchema(shape: RegistryShape, tenant: Pick<Tenant, 'schema' | 'type'>): boolean {
  return !isPublicTenant(shape, tenant) && !isRowTenant(shape, tenant);
}

async function queryTenants<T extends Tenant>(
  client: Client,
  shape: RegistryShape,
  sql: string,
  values: unknown[],
  order?: string,
): Promise<T[]> {
  try {
    const { rows } = await client.query<T>(sql, values);
    return rows;
  } catch (error) {
    throw await listFailure(client, shape, error, order);
  }
}

/** There is no point in looking before each query at what is there nearly always; afterwards, once, there is. */
async function listFailure(
  client: Client,
  shape: RegistryShape,
  error: unknown,
  order: string | undefined,
): Promise<unknown> {
  const code = codeOf(error) ?? '';
  if (isRowSecurityError(error)) return rowsHidden(shape, error);
  const missing: readonly string[] = [SQLSTATE.undefinedTable, SQLSTATE.undefinedColumn, SQLSTATE.undefinedSchema];
  if (missing.includes(code)) {
    try {
      await assertRegistry(client, shape);
    } catch (reason) {
      return reason;
    }
  }
  const columns = order === undefined ? [] : ((await readRegistryColumns(client, shape)).tenants ?? []);
  if (order !== undefined && code === SQLSTATE.undefinedColumn) {
    return badOrder(
      columnsOf(order).find(({ column }) => !columns.includes(column))?.column ?? order,
      'does not exist',
      columns,
      error,
    );
  }
  // A type that cannot be sorted, such as json, lacks an operator: undefined_function.
  if (order !== undefined && code === SQLSTATE.undefinedFunction) {
    const names = columnsOf(order).map(({ column }) => column);
    return badOrder(names.join(', '), 'has no order', columns, error);
  }
  return error;
}

/** Deciding with a part of the tenants would be worse than not deciding. */
function rowsHidden({ schema, tenants, domains }: RegistryShape, cause: unknown): TenantsError {
  return new TenantsError(
    'REGISTRY_MISMATCH',
    `Row-level security hides rows of the registry ("${schema}"."${tenants.table}"${domains === null ? '' : ` or "${domains.table}"`}) from this database user: ${cause instanceof Error ? cause.message : String(cause)}.`,
    { suggestions: ROW_SECURITY_ADVICE, cause },
  );
}

function badOrder(order: string, problem: string, columns: string[], cause: unknown): TenantsError {
  const message = `The tenants cannot be listed: the column "${order}" of the tenant table ${problem}.`;
  return new TenantsError('CONFIG_INVALID', message, {
    problems: [`tenants.order: column "${order}" ${problem}`],
    suggestions: [`Columns of the tenant table: ${columns.join(', ')}.`],
    cause,
  });
}

function tenantTable(shape: RegistryShape): string {
  return qualified(shape.schema, shape.tenants.table);
}

function schemaName(shape: RegistryShape): string {
  return `t.${quoteIdentifier(shape.tenants.columns.schemaName)}::text`;
}

function tenantFields(shape: RegistryShape): string {
  const { name, type, status } = shape.tenants.columns;
  const text = (column: string | null): string =>
    column === null ? 'NULL::text' : `t.${quoteIdentifier(column)}::text`;
  return `${schemaName(shape)} AS schema, ${text(name)} AS name, ${text(type)} AS type,
    coalesce(${text(status)}, '${STATUS.active}') AS status`;
}

/** With the table's alias before it: alone, the name of a result column would win over the table's. */
function ordering(shape: RegistryShape, order: string): string {
  const columns = columnsOf(order).map(({ column, direction, nulls }) =>
    [`t.${quoteIdentifier(column)}`, direction, ...(nulls === undefined ? [] : [`NULLS ${nulls}`])].join(' '),
  );
  return `${columns.join(', ')}, ${schemaName(shape)}`;
}

function columnsOf(order: string): OrderColumn[] {
  const columns = parseTenantOrder(order);
  if (columns !== undefined) return columns;
  throw new TenantsError('CONFIG_INVALID', `The tenants cannot be listed: "${order}" is not an order.`, {
    problems: [`tenants.order: expected ${ORDER_FORM}`],
  });
}

/** A JSON array of domains for each tenant, or for the one with this id. */
function domainLists({ schema, tenants, domains }: RegistryShape, id?: string): string {
  if (domains === null) {
    const key = `d.${quoteIdentifier(tenants.columns.id)}`;
    return `SELECT ${key} AS tenant, NULL::json AS list FROM ${qualified(schema, tenants.table)} d WHERE false`;
  }
  const { columns } = domains;
  const domain = `d.${quoteIdentifier(columns.domain)}::text`;
  const primary = columns.isPrimary === null ? 'false' : `coalesce(d.${quoteIdentifier(columns.isPrimary)}, false)`;
  const tenant = `d.${quoteIdentifier(columns.tenantId)}`;
  return `SELECT ${tenant} AS tenant, json_agg(json_build_object('domain', ${domain}, 'primary', ${primary})
      ORDER BY ${primary} DESC, ${domain} COLLATE "C") AS list
    FROM ${qualified(schema, domains.table)} d ${id === undefined ? '' : `WHERE ${tenant} = ${id}`} GROUP BY ${tenant}`;
}
