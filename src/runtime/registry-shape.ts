import { quoteIdentifier } from '../db/identifiers.js';
import {
  DOMAIN_COLUMNS,
  type DomainTable,
  type RegistryShape,
  type Renamed,
  TENANT_COLUMNS,
  type TenantTable,
} from '../registry/names.js';

/** Tables and columns of the registry where they differ from the usual ones; `null` for a column that is not there. */
export type RegistryNames = {
  tenants?: string | Renamed<TenantTable>;
  /** `false`: tenants have no domains, and are found by their schema name only. */
  domains?: string | Renamed<DomainTable> | false;
};

/**
 * Fills in the usual names.
 *
 * @throws TenantsError INVALID_NAME for what cannot be a PostgreSQL name.
 */
export function registryShape(schema: string, { tenants, domains }: RegistryNames): RegistryShape {
  const shape: RegistryShape = {
    schema,
    tenants: complete({ table: 'tenants', columns: TENANT_COLUMNS }, tenants),
    domains: domains === false ? null : complete({ table: 'domains', columns: DOMAIN_COLUMNS }, domains),
  };
  for (const name of namesOf(shape)) quoteIdentifier(name);
  return shape;
}

function complete<Table extends { table: string; columns: object }>(
  usual: Table,
  given: string | Renamed<Table> = {},
): Table {
  if (typeof given === 'string') return { ...usual, table: given };
  const named = Object.entries(given.columns ?? {}).filter(([, name]) => name !== undefined);
  return {
    ...usual,
    table: given.table ?? usual.table,
    columns: { ...usual.columns, ...Object.fromEntries(named) },
  };
}

function namesOf({ schema, tenants, domains }: RegistryShape): string[] {
  const columns = [...Object.values(tenants.columns), ...Object.values(domains?.columns ?? {})];
  return [
    schema,
    tenants.table,
    ...(domains === null ? [] : [domains.table]),
    ...columns.filter((name) => name !== null),
  ];
}
