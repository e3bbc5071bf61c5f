import type { HookClient, MigrateHooks } from '../engine/hooks.js';

export type { HookClient, MigrateHook, MigrateHookContext } from '../engine/hooks.js';

/** What the hooks around a tenant's life are told. */
export type TenantHookContext = {
  /** The tenant's schema. */
  tenant: string;
  /** The tenant's type; `null` is the default type. */
  type: string | null;
  domains: string[];
  /**
   * Inside the transaction of the change, as the role that owns tenants. The search path is the tenant's; the shared schema
   * alone before a tenant is there, and nothing where a tenant has no schema. `undefined` after the COMMIT.
   */
  client: HookClient | undefined;
};

export type TenantHook = (context: TenantHookContext) => void | Promise<void>;

/** Functions of the configuration that are called when something happens to a tenant. What one throws fails the tenant. */
export type Hooks = MigrateHooks & {
  /** `create-tenant` and `clone-tenant`, in the transaction, before anything of the tenant is there. */
  beforeCreateTenant?: TenantHook | undefined;
  /** In the same transaction, last before its COMMIT: what it throws leaves nothing of the tenant behind. */
  afterCreateTenant?: TenantHook | undefined;
  /** `delete-tenant`, in the transaction, before anything is removed. */
  beforeDeleteTenant?: TenantHook | undefined;
  /** After the COMMIT: the tenant is gone, whatever it throws. */
  afterDeleteTenant?: TenantHook | undefined;
};
