import type { SerializedError } from '../errors/serialize.js';
import type { NotExecutedReason, TenantResult } from '../executors/types.js';
import type { SessionEvent } from '../session/events.js';

/** Which schemas a run is about. */
export type Selection =
  | { kind: 'all' }
  | { kind: 'shared' }
  | { kind: 'tenants'; names?: string[]; exclude?: string[]; types?: string[] };

/** How far: everything pending, up to and including one migration, or a number of them. */
export type Target = { to: string } | { count: number } | undefined;

export type MigrateOptions = {
  selection: Selection;
  target?: Target;
  fake?: boolean;
  /** Registered tenants without a schema: report them (default), create them, or leave them out. */
  missing?: 'report' | 'create' | 'skip';
  skipSharedCheck?: boolean;
  failFast?: boolean;
  /** Aborted by the first signal: no new tenants, running ones finish. */
  drain?: AbortSignal;
  /** Aborted by the second signal: running statements are cancelled and rolled back. */
  cancel?: AbortSignal;
  onEvent?: (event: FleetEvent) => void;
};

/** What `status` looks at. */
export type StatusOptions = {
  names?: string[];
  exclude?: string[];
  types?: string[];
  onEvent?: (event: FleetEvent) => void;
};

/** What `plan` answers for; the options of `migrate` that decide what runs. */
export type PlanOptions = Pick<MigrateOptions, 'selection' | 'target' | 'missing' | 'skipSharedCheck' | 'onEvent'> & {
  /** Add the SQL of each cohort. */
  sql?: boolean;
};

/** What happened to the shared schema. */
export type SharedResult = {
  status: 'applied' | 'upToDate' | 'failed' | 'skipped';
  migrations: string[];
  error: SerializedError | null;
};

/** What a run did; the `--json` document of `migrate` but for `command` and `exitCode`. */
export type MigrateReport = {
  durationMs: number;
  executor: string;
  processes: number;
  concurrency: number;
  shared: SharedResult;
  tenants: {
    total: number;
    applied: number;
    upToDate: number;
    failed: number;
    notExecuted: number;
    missing: number;
  };
  /** Leaves out tenants that were up to date. */
  results: TenantResult[];
  /** Messages about the run itself, such as files that allow fall-through. */
  warnings: string[];
  /** The run was stopped by a signal before it was done. */
  interrupted: boolean;
  /** The run stopped because somebody else has the lock that it lost. */
  overtaken: boolean;
};

/** One cohort as `status` and `plan` show it. */
export type CohortSummary = {
  type: string | null;
  last: string | null;
  applied: number;
  pending: string[];
  count: number;
  /** The first 20 names. */
  tenants: string[];
  /** The states that keep a cohort from being migrated. */
  state: 'upToDate' | 'pending' | 'ahead' | 'outOfOrder' | 'missing' | 'unreadable' | 'unknownType';
};

export type FleetCounts = {
  total: number;
  upToDate: number;
  pending: number;
  ahead: number;
  outOfOrder: number;
  missing: number;
};

export type StatusReport = {
  shared: { applied: string[]; pending: string[] };
  tenants: FleetCounts;
  cohorts: CohortSummary[];
  /** Tenants that were asked for by name, one by one. */
  details?: TenantDetail[];
};

/** Where one tenant stands. */
export type TenantDetail = {
  tenant: string;
  type: string | null;
  state: CohortSummary['state'];
  /**
   * Oldest first. `runOn` is what node-pg-migrate's bookkeeping says (`2024-02-29T12:00:00.000`): a time without a zone, in
   * that of the session which wrote it.
   */
  applied: { name: string; runOn: string | null }[];
  pending: string[];
};

export type PlanReport = Omit<StatusReport, 'cohorts'> & {
  shared: StatusReport['shared'] & { mode?: 'compiled' | 'direct'; sql?: string };
  cohorts: (CohortSummary & { mode: 'compiled' | 'direct'; reasons?: string[]; sql?: string })[];
  warnings: string[];
};

/** Progress of a run, for display. Listeners cannot break the work: what they throw is dropped. */
export type FleetEvent =
  | { type: 'phase'; phase: 'connect' | 'survey' | 'compile' | 'shared' | 'tenants' | 'verify'; total?: number }
  | { type: 'surveyed'; total: number; upToDate: number; pending: number; blocked: number; cohorts: number }
  | { type: 'shared'; result: SharedResult }
  | { type: 'tenant:start'; tenant: string }
  | { type: 'tenant:done'; result: TenantResult }
  | { type: 'stopping'; reason: NotExecutedReason }
  | SessionEvent;
