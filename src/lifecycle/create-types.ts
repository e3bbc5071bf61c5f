import type { Phase } from '../engine/phases.js';
import type { FleetEvent } from '../fleet/types.js';
import type { Invocation } from '../journal/types.js';
import type { Hooks } from '../project/hook-types.js';
import type { TenantDomain } from '../registry/types.js';

export type CreateTenantOptions = {
  schema: string;
  /** The first one is the primary domain. */
  domains?: string[];
  label?: string;
  type?: string;
  /** Values of additional columns of the tenant table, as text that PostgreSQL casts. */
  set?: Record<string, string>;
  /** Accept a tenant that already exists with these domains. */
  ifNotExists?: boolean;
  /** Take over a schema that exists but is not registered, and apply the migrations that it lacks. */
  adopt?: boolean;
  /**
   * Default: a migration of the phase `post` is left out while no tenant of the type has it, unless this is the first one. `post` applies
   * all, and `pre` leaves it out for the first tenant, too.
   */
  phase?: Phase;
  /** Do not apply migrations. */
  noMigrate?: boolean;
  /**
   * Start from the stored end state of the migrations. Default: where there is one that is valid; `true` says so where there is none,
   * and `false` replays the migrations.
   */
  snapshot?: boolean;
  /** Default: the project's hooks. */
  hooks?: Pick<Hooks, 'beforeCreateTenant' | 'afterCreateTenant'>;
  /** What the command line knows about the call, for its record. */
  invocation?: Invocation;
  drain?: AbortSignal;
  cancel?: AbortSignal;
  onEvent?: (event: FleetEvent) => void;
};

/** What `create-tenant --json` prints. */
export type CreatedTenant = {
  tenant: { schema: string; name: string | null; type: string | null; status: string };
  domains: TenantDomain[];
  /** Migrations that this call applied. */
  migrations: string[];
  durationMs: number;
};

/** `created` is false if the tenant already existed. */
export type CreateTenantResult = CreatedTenant & { created: boolean };
