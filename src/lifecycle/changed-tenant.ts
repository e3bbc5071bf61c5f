import type { FleetEvent } from '../fleet/types.js';
import type { Invocation } from '../journal/types.js';
import type { Hooks } from '../project/hook-types.js';
import type { TenantDomain, TenantWithDomains } from '../registry/types.js';
import type { CreatedTenant } from './create-types.js';
import type { Mention } from './mentions/types.js';

/** What every command that changes one tenant can be told. */
export type ChangeOptions = {
  /** Aborted when the change is to be given up and rolled back. */
  cancel?: AbortSignal;
  /** What the command line knows about the call, for its record. */
  invocation?: Invocation;
  onEvent?: (event: FleetEvent) => void;
};

export type DeleteTenantOptions = ChangeOptions & {
  schema: string;
  /** Remove only the registration and leave the schema unchanged. */
  keepSchema?: boolean;
  /** File to which the schema is dumped first; it must not exist. */
  dump?: string;
  /** Number of objects to drop in one transaction. Default: half of the server's lock table; of rows to delete: 10,000. */
  batchSize?: number;
  /** Default: the project's hooks. */
  hooks?: Pick<Hooks, 'beforeDeleteTenant' | 'afterDeleteTenant'>;
};

export type RenameTenantOptions = ChangeOptions & {
  from: string;
  to: string;
  /** Rename also while stored texts name the schema. Default: refuse. */
  allowMentions?: boolean;
  /** Default: the project's hooks. */
  hooks?: Pick<Hooks, 'beforeRenameTenant' | 'afterRenameTenant'>;
};

/** A tenant as it is after a change, as `create-tenant` shows it, and what should be known about it. */
export type ChangedTenant = CreatedTenant & {
  warnings: string[];
  /** Stored texts that still name another schema; for a tenant that was renamed or cloned. */
  mentions?: Mention[];
};

/** A tenant as it was before it was deleted; its status is `deleted`, or `unregistered` when the schema was kept. */
export type DeletedTenant = ChangedTenant;

/** The tenant that a domain was taken from, as it is now. */
export type DeletedDomain = ChangedTenant & { deleted: TenantDomain };

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
