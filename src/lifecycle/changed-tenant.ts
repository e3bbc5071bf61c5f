import type { TenantWithDomains } from '../registry/types.js';
import type { ChangedTenant } from './change-types.js';

/** The document of a changed tenant; `startedAt` is a reading of `performance.now()`. */
export function toChangedTenant(tenant: TenantWithDomains, startedAt: number, warnings: string[] = []): ChangedTenant {
  const { schema, name, type, status, domains } = tenant;
  return {
    tenant: { schema, name, type, status },
    domains,
    migrations: [],
    durationMs: Math.round(performance.now() - startedAt),
    warnings,
  };
}
