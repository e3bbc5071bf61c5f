import { quoteIdentifier } from '../db/identifiers.js';

/** Tables and columns of the registry where they differ from the usual ones; `null` for a column that is not there. */
export type RegistryNames = {
  tenants?: string | { table?: string; columns?: Partial<TenantColumns> };
  domains?: string | { table?: string; columns?: Partial<DomainColumns> };
};

export type TenantColumns = {
  id: string;
  schemaName: string;
  name: string | null;
  type: string | null;
  status: string | null;
  createdAt: string | null;
};

export type DomainColumns = { domain: string; tenantId: string };

/** The registry with every name filled in. */
export type RegistryShape = {
  schema: string;
  tenants: { table: string; columns: TenantColumns };
  domains: { table: string; columns: DomainColumns };
};

const TENANT_COLUMNS: TenantColumns = {
  id: 'id',
  schemaName: 'schema_name',
  name: 'name',
  type: 'type',
  status: 'status',
  createdAt: 'created_at',
};

const DOMAIN_COLUMNS: DomainColumns = { domain: 'domain', tenantId: 'tenant_id' };

/**
 * Fills in the usual names.
 *
 * @throws TenantsError INVALID_NAME for what cannot be a PostgreSQL name.
 */
export function registryShape(schema: string, { tenants, domains }: RegistryNames): RegistryShape {
  const shape = {
    schema,
    tenants: complete('tenants', TENANT_COLUMNS, tenants),
    domains: complete('domains', DOMAIN_COLUMNS, domains),
  };
  for (const name of namesOf(shape)) quoteIdentifier(name);
  return shape;
}

function complete<Columns>(
  table: string,
  columns: Columns,
  given: string | { table?: string; columns?: Partial<Columns> } = {},
): { table: string; columns: Columns } {
  if (typeof given === 'string') return { table: given, columns };
  return { table: given.table ?? table, columns: { ...columns, ...given.columns } };
}

function namesOf({ schema, tenants, domains }: RegistryShape): string[] {
  const columns = [...Object.values(tenants.columns), ...Object.values(domains.columns)];
  return [schema, tenants.table, domains.table, ...columns.filter((name) => name !== null)];
}
