import type { FleetEvent } from '../fleet/types.js';
import type { Hooks } from '../project/hook-types.js';
import type { TenantDomain } from '../registry/types.js';

export type CreateTenantOptions = {
  schema: string;
  /** The first one is the primary domain. */
  domains?: string[];
  label?: string;
  type?: string;
  /** Values of further columns of the tenant table, as text that PostgreSQL casts. */
  set?: Record<string, string>;
  /** A tenant that is there already with the same domains is no error. */
  ifNotExists?: boolean;
  /** Take over a schema that exists but is not registered. */
  adopt?: boolean;
  /** Leave the schema without migrations. */
  noMigrate?: boolean;
  /** Default: those of the project. */
  hooks?: Pick<Hooks, 'beforeCreateTenant' | 'afterCreateTenant'>;
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

/** `created` is false for one that was there already. */
export type CreateTenantResult = CreatedTenant & { created: boolean };
