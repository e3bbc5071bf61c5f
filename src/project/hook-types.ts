import type { HookClient, MigrateHooks } from '../engine/hooks/migrate-hooks.js';

export type { HookClient, MigrateHook, MigrateHookContext } from '../engine/hooks/migrate-hooks.js';

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

export type CreateHookContext = TenantHookContext & {
  /** The tenant that `clone-tenant` copies, whose rows the new one has then; `null` for `create-tenant`. */
  source: string | null;
};

export type RenameHookContext = TenantHookContext & {
  /** The schema's old name and its new one; `tenant` is the one that it has at this moment. */
  from: string;
  to: string;
};

export type TenantHook<C extends TenantHookContext = TenantHookContext> = (context: C) => void | Promise<void>;

/** Functions of the configuration that are called when something happens to a tenant. What one throws fails the tenant. */
export type Hooks = MigrateHooks & {
  /** `create-tenant` and `clone-tenant`, in the transaction, before anything of the tenant is there. */
  beforeCreateTenant?: TenantHook<CreateHookContext> | undefined;
  /** In the same transaction, last before its COMMIT: what it throws leaves nothing of the tenant behind. */
  afterCreateTenant?: TenantHook<CreateHookContext> | undefined;
  /** `rename-tenant`, in the transaction, before anything is changed. */
  beforeRenameTenant?: TenantHook<RenameHookContext> | undefined;
  /** In the same transaction, last before its COMMIT. */
  afterRenameTenant?: TenantHook<RenameHookContext> | undefined;
  /** `delete-tenant`, in the transaction, before anything is removed. */
  beforeDeleteTenant?: TenantHook | undefined;
  /** After the COMMIT: the tenant is gone, whatever it throws. */
  afterDeleteTenant?: TenantHook | undefined;
};
