import type { SerializedError } from '../errors/serialize.js';
import type { NotExecutedReason, TenantResult } from '../executors/types.js';
import type { RunsNow } from '../journal/read/last-run.js';
import type { TenantSelection } from '../registry/select.js';
import type { SessionEvent } from '../session/events.js';
import type { EditedFiles } from './checksums/look.js';

/** Which schemas a run is about. */
export type Selection = { kind: 'all' } | { kind: 'shared' } | ({ kind: 'tenants' } & TenantSelection);

/** How far: everything pending, up to and including one migration, or a number of them. */
export type Target = { to: string } | { count: number } | undefined;

/** What `status` looks at. */
export type StatusOptions = TenantSelection & {
  onEvent?: (event: FleetEvent) => void;
};

/** What happened to the shared schema. */
export type SharedResult = {
  status: 'applied' | 'upToDate' | 'failed' | 'skipped';
  migrations: string[];
  error: SerializedError | null;
};

/** One cohort as `status` and `plan` show it. */
export type CohortSummary = {
  type: string | null;
  last: string | null;
  applied: number;
  pending: string[];
  /** Those of `pending` that wait until the new code runs everywhere; absent without any. */
  post?: string[];
  count: number;
  /** All names. */
  tenants: string[];
  /** The states that keep a cohort from being migrated. */
  state: 'upToDate' | 'pending' | 'ahead' | 'outOfOrder' | 'missing' | 'unreadable' | 'unknownType';
  /** Its tenants share tables, which the shared migrations make. */
  rows?: true;
};

export type FleetCounts = {
  total: number;
  upToDate: number;
  pending: number;
  ahead: number;
  outOfOrder: number;
  missing: number;
  /** Of those that are pending: tenants that lack only what waits until the new code runs everywhere; absent without any. */
  postOnly?: number;
};

/** How many tenants a node of a Citus cluster has; `node` is `null` for those that are on the coordinator or have no table yet. */
export type NodeCount = { node: string | null; tenants: number };

export type StatusReport = {
  shared: { applied: string[]; pending: string[]; post?: string[]; state?: 'ahead' | 'outOfOrder' };
  tenants: FleetCounts;
  cohorts: CohortSummary[];
  /** On Citus. */
  nodes?: NodeCount[];
  /** Tenants that were asked for by name, one by one. */
  details?: TenantDetail[];
  /** What the last run left undone, and the run that goes on now; absent without a journal. */
  runs?: RunsNow;
  /** Migration files that were edited or renamed after they were applied; absent without a journal. */
  edited?: EditedFiles;
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
  /** Those of `pending` that wait until the new code runs everywhere; absent without any. */
  post?: string[];
  /** Of a tenant that is ahead: what is applied and not on disk. */
  unknown?: string[];
  /** Of a tenant that is out of order: the first migration that is not where the files have it, and what they have there. */
  gap?: { expected: string; found: string };
  /** It shares tables with others, which the shared migrations make. */
  rows?: true;
  /** On Citus: its node; `null` for a local schema, and for one without tables. */
  node?: string | null;
};

/** Progress of a run, for display. Listeners cannot break the work: what they throw is dropped. */
export type FleetEvent =
  | {
      type: 'phase';
      phase: 'connect' | 'survey' | 'compile' | 'shared' | 'tenants' | 'verify';
      total?: number;
      wave?: { current: number; of: number };
    }
  | { type: 'surveyed'; total: number; upToDate: number; pending: number; blocked: number; cohorts: number }
  | { type: 'shared'; result: SharedResult }
  | { type: 'tenant:start'; tenant: string }
  | { type: 'tenant:done'; result: TenantResult }
  | { type: 'stopping'; reason: NotExecutedReason }
  | SessionEvent;
