import type { Phase } from '../../engine/phases.js';
import type { SerializedError } from '../../errors/serialize.js';
import type { NotExecutedReason } from '../../executors/types.js';
import type { FleetEvent } from '../../fleet/types.js';
import type { Invocation } from '../../journal/types.js';
import type { Hooks } from '../../project/hook-types.js';
import type { NewTenant } from '../../registry/registration.js';
import type { TenantDomain } from '../../registry/types.js';

/** A tenant that is to be created, as the caller of the library says it. */
export type WantedTenant = {
  schema: string;
  /** The first one is the primary domain. */
  domains?: string[];
  label?: string;
  type?: string;
  /** Values of additional columns of the tenant table, as text that PostgreSQL casts. */
  set?: Record<string, string>;
};

export type CreateTenantsOptions = {
  /** The tenants, or the text of a CSV file that lists them. */
  tenants: readonly WantedTenant[] | { csv: string };
  /** As for `createTenant`. */
  phase?: Phase;
  /** Do not apply migrations. */
  noMigrate?: boolean;
  /** As for `createTenant`. */
  snapshot?: boolean;
  /** Default: the project's hooks. */
  hooks?: Pick<Hooks, 'beforeCreateTenant' | 'afterCreateTenant'>;
  /** What the command line knows about the call, for its record. */
  invocation?: Invocation;
  /** Aborted when no further tenant is to be begun. */
  drain?: AbortSignal;
  /** Aborted when what runs is to be canceled and rolled back. */
  cancel?: AbortSignal;
  onEvent?: (event: FleetEvent) => void;
};

/** A tenant of the list, checked as far as that goes without a database. */
export type WantedLine = {
  /** Line of the file, or position in the list, from 1. */
  line: number;
  registration: NewTenant;
};

/** Something that is wrong with the list. */
export type LineProblem = { line: number; message: string };

/** What became of one line. */
export type LineResult = { line: number; tenant: string; type: string | null; domains: TenantDomain[] } & (
  | { status: 'created'; migrations: string[]; durationMs: number }
  /** The tenant was there already, of this type and with these domains. */
  | { status: 'exists' }
  | { status: 'failed'; error: SerializedError; durationMs: number }
  | { status: 'notExecuted'; reason: NotExecutedReason }
);

export type CreateTenantsReport = {
  durationMs: number;
  /** Tenants that were created at a time. */
  concurrency: number;
  /** Number of the run in the journal; `null` without a record. */
  run: number | null;
  tenants: { total: number; created: number; exists: number; failed: number; notExecuted: number };
  /** In the order of the list. */
  results: LineResult[];
  interrupted: boolean;
  warnings: string[];
};
