import type { FleetCounts, StatusReport } from '../fleet/types.js';

/**
 * What the page about a fleet says, as plain JSON. Tenants are numbers, positions in `tenants`: a page about 20,000 of them is
 * then a few hundred kB.
 */
export type FleetPage = {
  /** ISO 8601. */
  createdAt: string;
  /** Version of this product. */
  version: string | null;
  database: string;
  shared: { applied: number; pending: string[]; state?: 'ahead' | 'outOfOrder' };
  counts: FleetCounts;
  /** Names, cohort by cohort; then those that only the last run has. */
  tenants: string[];
  types: PageType[];
  cohorts: PageCohort[];
  /** Where the runs come from. */
  journal: { state: 'ready' | 'off' | 'absent' };
  /** The newest runs of `migrate` and `rollback`, newest first. */
  runs: PageRun[];
  /** The last of these that is over, with its results. */
  lastRun: PageResults | null;
};

/** The migrations of one tenant type: those with files, then those that are applied and have none. */
export type PageType = { type: string | null; migrations: string[]; files: number };

export type PageCohort = {
  /** Position in `types`. */
  type: number;
  state: StatusReport['cohorts'][number]['state'];
  /** Its tenants share tables. */
  rows: boolean;
  /** So many migrations are applied from the beginning of the type's list, */
  upTo: number;
  /** and these, by position. */
  others: number[];
  /** Position in `tenants` of its first tenant. */
  first: number;
  count: number;
};

export type PageRun = {
  id: number;
  command: string;
  startedAt: string;
  finishedAt: string | null;
  state: 'running' | 'finished' | 'interrupted';
  exitCode: number | null;
  counts: Record<string, number>;
  /** In words. */
  outcome: string;
  by: string;
};

/** One array for each column, with an entry for each tenant of the run. */
export type PageResults = {
  run: PageRun;
  statuses: string[];
  /** Positions in `tenants` and `statuses`. */
  tenant: number[];
  status: number[];
  /** ms after the start of the run. */
  startedAt: (number | null)[];
  durationMs: (number | null)[];
  failures: PageFailure[];
  /** Why other tenants were not executed. */
  leftOut: { reason: string; tenants: number[] }[];
};

/** Tenants that failed in the same way. */
export type PageFailure = {
  migration: string | null;
  /** SQLSTATE, or an error code of this product. */
  code: string;
  file: string | null;
  line: number | null;
  statement: string | null;
  /** A few that differ. */
  messages: string[];
  tenants: number[];
};
