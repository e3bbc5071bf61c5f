import type { TriedStatement } from '../../engine/apply/observe.js';
import type { SerializedError } from '../../errors/serialize.js';
import type { NotExecutedReason } from '../../executors/types.js';
import type { MigrateReport } from '../types.js';

export type { TriedStatement } from '../../engine/apply/observe.js';

/** How many tenants of each cohort are tried: the canary alone, so many of the largest and the newest, or all. */
export type Sample = number | 'all' | undefined;

/** What cannot be tried in a transaction that is rolled back, and why. */
export type NotTried = { migration: string; reason: string };

/** What would become of one tenant. */
export type DryRunResult = { tenant: string; warnings?: string[] } & (
  | { status: 'wouldApply'; migrations: string[]; durationMs: number; notTried?: NotTried[] }
  | { status: 'wouldFail'; migration?: string; error: SerializedError }
  | { status: 'missing' }
  | { status: 'notExecuted'; reason: NotExecutedReason }
);

/** What would become of the shared schema. */
export type DryRunShared = {
  status: 'wouldApply' | 'wouldFail' | 'upToDate' | 'skipped';
  migrations: string[];
  error: SerializedError | null;
  statements: TriedStatement[];
  notTried: NotTried[];
};

/** What was tried of one cohort. */
export type DryRunCohort = {
  type: string | null;
  last: string | null;
  /** Number of applied migrations. */
  applied: number;
  /** What would be applied, or undone. */
  pending: string[];
  count: number;
  /** All names, and those of the tenants that were tried. */
  tenants: string[];
  tried: string[];
  /** Of several tenants that were tried: the longest time and the most WAL of each statement, and all locks. */
  statements: TriedStatement[];
  notTried: NotTried[];
};

/** As the report of `migrate`; `applied` counts tenants that would succeed, and `failed` those that would fail. */
export type DryRunReport = Omit<MigrateReport, 'results' | 'shared' | 'tenants' | 'run'> & {
  shared: DryRunShared;
  /** `notTried`: tenants that have something to run and are not in the sample. */
  tenants: MigrateReport['tenants'] & { notTried: number };
  results: DryRunResult[];
  cohorts: DryRunCohort[];
};
