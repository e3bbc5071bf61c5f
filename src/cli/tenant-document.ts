import type { CreatedTenant } from '../lifecycle/create-types.js';

/** The `--json` document of every command that changes one tenant, the same as that of `create-tenant`. Pure. */
export function tenantDocument({ tenant, domains, migrations, durationMs }: CreatedTenant): CreatedTenant {
  return { tenant, domains, migrations, durationMs };
}
