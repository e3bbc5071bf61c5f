import type { TenantStatus } from './names.js';

/** A row of the tenant table. */
export type Tenant = {
  schema: string;
  name: string | null;
  type: string | null;
  status: TenantStatus;
};

export type TenantDomain = { domain: string; primary: boolean };

export type TenantWithDomains = Tenant & { domains: TenantDomain[] };
