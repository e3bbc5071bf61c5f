import type { HookClient, MigrateHooks } from '../engine/hooks/migrate-hooks.js';
import type { Direction } from '../engine/types.js';
import type { TenantResult } from '../executors/types.js';

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

/** What the hooks around a run are told. */
export type RunHookContext = {
  command: 'migrate' | 'rollback';
  direction: Direction;
  /** Number of the run in the journal; `null` when it is not recorded. */
  run: number | null;
};

export type BeforeRunContext = RunHookContext & {
  /** Migrations of the shared schema that are about to run. */
  shared: string[];
  /** Number of tenants that have something to run, as far as it is known: on an empty database the registry is still to be made. */
  tenants: number;
};

export type AfterCommitContext = RunHookContext & {
  /** The tenant's schema. */
  tenant: string;
  /** What was committed, in the order in which it ran. Of a tenant that failed: what earlier transactions had committed. */
  migrations: string[];
};

export type AfterRunContext = RunHookContext & {
  exitCode: number;
  /** The error that ended the run as a whole. Without one, there are counts and results. */
  error?: unknown;
  /** Counts as in the document of `--json`. */
  tenants?: { [count: string]: number };
  /** As in the document of `--json`: tenants that were up to date are left out. */
  results?: readonly TenantResult[];
};

/** Hooks of `migrate` and `rollback` themselves. They are called in the process of the command, without a client; not by `--fake`. */
export type RunHooks = {
  /** When everything is compiled, before the first change. What it throws ends the run, and nothing was changed. */
  beforeRun?: ((context: BeforeRunContext) => void | Promise<void>) | undefined;
  /** After the COMMIT of each tenant. What it throws undoes nothing; the exit code is 1 then. */
  afterCommit?: ((context: AfterCommitContext) => void | Promise<void>) | undefined;
  /** At the end of a run that had begun, however it ended. What it throws undoes nothing; the exit code is 1 then. */
  afterRun?: ((context: AfterRunContext) => void | Promise<void>) | undefined;
};

/** Functions of the configuration that are called when something happens to a tenant. What one throws fails the tenant. */
export type Hooks = MigrateHooks &
  RunHooks & {
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
