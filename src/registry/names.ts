/**
 * What the parts of the registry are called, for everything that reads, writes, configures or describes it. Imports nothing,
 * so that the runtime library and the configuration can use it.
 *
 * @module
 */

/**
 * The channel on which the registry's triggers announce changes.
 *
 * The payload is JSON and always far below the 8,000 bytes that NOTIFY takes: `{"schemas": […]}` for a row of the tenant
 * table, `{"domains": […]}` for one of the domain table, each with the key before and after the change. A tenant's row
 * may change whether its domains are answered at all (`status`), so a listener forgets, for `schemas`, what it knows of
 * these tenants and every hostname that it believes to be nobody's.
 */
export const REGISTRY_CHANNEL = 'tenants_changed';

/** Longest hostname of the DNS, and longest part of one between dots, in bytes. */
export const MAX_DOMAIN_LENGTH = 253;
export const MAX_LABEL_LENGTH = 63;

/** The states of a tenant; only active ones are served. A table without a status column holds active tenants only. */
export const STATUS = { active: 'active', provisioning: 'provisioning', deleting: 'deleting' } as const;

/** A registry that was there before may have states of its own; those are served. */
export type TenantStatus = (typeof STATUS)[keyof typeof STATUS] | (string & {});

/** The usual names of the columns; each can be called otherwise. */
export const TENANT_COLUMNS = {
  id: 'id',
  schemaName: 'schema_name',
  name: 'name',
  type: 'type',
  status: 'status',
  createdAt: 'created_at',
} as const;

export const DOMAIN_COLUMNS = {
  id: 'id',
  domain: 'domain',
  tenantId: 'tenant_id',
  isPrimary: 'is_primary',
} as const;

/** Columns that an existing table may lack: `null` stands for their names then. */
export const OPTIONAL_COLUMNS = ['name', 'type', 'status', 'createdAt', 'isPrimary'] as const;

export type OptionalColumn = (typeof OPTIONAL_COLUMNS)[number];

export function isOptionalColumn(key: string): key is OptionalColumn {
  return OPTIONAL_COLUMNS.some((optional) => optional === key);
}

type ColumnNames<Usual> = { [Key in keyof Usual]: Key extends OptionalColumn ? string | null : string };

/** The key of a tenant is `schemaName`, the schema that holds its tables. */
export type TenantTable = { table: string; columns: ColumnNames<typeof TENANT_COLUMNS> };
export type DomainTable = { table: string; columns: ColumnNames<typeof DOMAIN_COLUMNS> };

/** What `tenants.types` says of a type whose tenants share tables, in place of a migrations directory. */
export const ROWS_TYPE = 'rows';

/** The usual names around row-level tenants. */
export const ROWS = { column: 'tenant_id', setting: 'app.tenant_id' } as const;

/** A setting of the server that an application may make: two or more names with dots between them. */
export const SETTING_FORM = /^[A-Za-z_][A-Za-z0-9_$]*(?:\.[A-Za-z_][A-Za-z0-9_$]*)+$/;

/** How row-level tenants are kept: their rows share tables that have a column for the tenant. */
export type RowsShape = {
  /** Values of the type column whose tenants have no schema of their own. */
  types: readonly string[];
  /** The column of the shared tables that says whose a row is. */
  column: string;
  /** The column of the tenant table that it refers to. */
  key: string;
  /** The setting that says which tenant a transaction is about. */
  setting: string;
  /** The schema of the shared tables. */
  schema: string;
};

/** Where the registry lives and what its tables and columns are called. */
export type RegistryShape = {
  /** The shared schema. */
  schema: string;
  tenants: TenantTable;
  /** `null`: tenants have no domains, and there is no such table. */
  domains: DomainTable | null;
  /** How tenants that share tables are kept; absent where every tenant has a schema. */
  rows?: RowsShape | undefined;
  /** Rows of these states are no part of the fleet: the application has not made them tenants yet, or no longer. */
  ignoreStatuses?: readonly string[] | undefined;
};

/** A table as it can be configured: what is left out has its usual name. */
export type Renamed<Table extends { columns: object }> = {
  table?: string | undefined;
  columns?: { [Key in keyof Table['columns']]?: Table['columns'][Key] | undefined } | undefined;
};
