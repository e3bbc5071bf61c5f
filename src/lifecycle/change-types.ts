import type { FleetEvent } from '../fleet/types.js';
import type { TenantDomain } from '../registry/types.js';
import type { CreatedTenant } from './create-types.js';

/** Options of every command that changes one tenant. */
export type ChangeOptions = {
  /** Abort it to cancel the change and roll it back. */
  cancel?: AbortSignal;
  onEvent?: (event: FleetEvent) => void;
};

/** A tenant after a change, in the form of `create-tenant`, with warnings. */
export type ChangedTenant = CreatedTenant & { warnings: string[] };

/** A tenant as it was before its deletion; its status is `deleted`, or `unregistered` when the schema was kept. */
export type DeletedTenant = ChangedTenant;

/** The tenant after one of its domains was deleted. */
export type DeletedDomain = ChangedTenant & { deleted: TenantDomain };
