/** Where the registry lives and what its columns are called. */
export type RegistryShape = {
  /** The shared schema. */
  schema: string;
  tenants: {
    table: string;
    columns: {
      id: string;
      /** The key: the tenant's `schema_name`. */
      schemaName: string;
      /** `null` where an existing table has no such column. */
      name: string | null;
      type: string | null;
      status: string | null;
      createdAt: string | null;
    };
  };
  domains: {
    table: string;
    columns: { id: string; domain: string; tenantId: string; isPrimary: string | null };
  };
};

/** `deleting` and `provisioning` are states between; a table without a status column holds active tenants only. */
export type TenantStatus = 'active' | 'provisioning' | 'deleting' | (string & {});

/** A row of the tenant table. */
export type Tenant = {
  schema: string;
  name: string | null;
  type: string | null;
  status: TenantStatus;
};

export type TenantDomain = { domain: string; primary: boolean };

export type TenantWithDomains = Tenant & { domains: TenantDomain[] };
