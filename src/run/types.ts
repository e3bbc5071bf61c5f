import type { Phase } from '../engine/phases.js';
import type { SerializedError } from '../errors/serialize.js';
import type { TenantResult } from '../executors/types.js';
import type { CohortSummary, FleetEvent, Selection, SharedResult, StatusReport, Target } from '../fleet/types.js';
import type { Invocation } from '../journal/types.js';
import type { LintFinding } from '../lint/types.js';
import type { Rollout } from '../project/rollout.js';
import type { PhaseReport } from './rollout/phase-notes.js';
import type { WaveBorder } from './rollout/wave-border.js';
import type { UndoTarget } from './undo.js';

/** The schemas that a run or a plan is about, and how far it takes them. */
export type RunOptions = Pick<MigrateOptions, 'selection' | 'target' | 'phase' | 'skipSharedCheck' | 'fake'>;

export type MigrateOptions = {
  selection: Selection;
  target?: Target;
  /** Only what may run before the new code starts (`pre`), or also what waits until it runs everywhere (`post`). Default: everything. */
  phase?: Phase;
  fake?: boolean;
  /** Registered tenants without a schema: report them (default), create them, or leave them out. */
  missing?: 'report' | 'create' | 'skip';
  skipSharedCheck?: boolean;
  failFast?: boolean;
  /** Only the tenants that failed or were not executed in this run, or in the last `migrate`, among those selected. */
  failedOf?: number | 'latest';
  /** How the run is spread over time; what is given here goes before the project's own. */
  rollout?: Rollout;
  /** Asked between two waves where the pause is `ask`; without it the run ends there. The signal says that nobody waits any more. */
  askNextWave?: (border: WaveBorder, signal: AbortSignal) => Promise<boolean>;
  /** What the command line knows about the run, for its record. */
  invocation?: Invocation;
  /** Aborted by the first signal: no new tenants, running ones finish. */
  drain?: AbortSignal;
  /** Aborted by the second signal: running statements are canceled and rolled back. */
  cancel?: AbortSignal;
  onEvent?: (event: FleetEvent) => void;
};

/** What `plan` answers for; the options of `migrate` that decide what runs. */
export type PlanOptions = Pick<
  MigrateOptions,
  'selection' | 'target' | 'phase' | 'rollout' | 'missing' | 'skipSharedCheck' | 'onEvent'
> & {
  /** Add the SQL of each cohort. */
  sql?: boolean;
};

/** A hook that failed when nothing could be undone any more. */
export type HookFailure = { hook: string; tenant?: string; error: SerializedError };

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
  /** The run stopped because another process holds the lock that it lost. */
  overtaken: boolean;
  /** Number of the run in the journal; `null` when it was not recorded. */
  run?: number | null;
  /** The last wave that the run began, and how many there are; absent without waves. `waiting` tenants are in later ones. */
  wave?: { current: number; of: number; waiting: number };
  /** What the phase of the run has left; absent without one. */
  phase?: PhaseReport;
  /** How long tenants were held back for the sake of replicas or other sessions, in ms; absent when they were not. */
  heldBackMs?: number;
  /** Calls of `afterCommit` and `afterRun` that failed; absent when there were none. The exit code is 1 then. */
  hookFailures?: HookFailure[];
};

/** The waves in which `migrate` would reach the tenants. */
export type PlannedWaves = {
  /** The wave that the next run begins with, from 1. */
  current: number;
  of: number;
  /** All waves, the first one first. */
  waves: {
    /** How many tenants it has, those included that have nothing to run. */
    count: number;
    /** Names of those that have something to run. */
    tenants: string[];
  }[];
};

export type PlanReport = Omit<StatusReport, 'cohorts'> & {
  /** What the phase would leave; absent without one. */
  phase?: PhaseReport;
  /** The waves of the rollout; absent without any. */
  rollout?: PlannedWaves;
  /** What `lint` finds in the migrations that would run. */
  findings: LintFinding[];
  shared: StatusReport['shared'] & { mode?: 'compiled' | 'direct'; sql?: string };
  cohorts: (CohortSummary & { mode: 'compiled' | 'direct'; reasons?: string[]; sql?: string })[];
  warnings: string[];
};

export type RollbackOptions = Pick<
  MigrateOptions,
  'fake' | 'failFast' | 'rollout' | 'drain' | 'cancel' | 'onEvent' | 'invocation'
> & {
  /** The shared schema, or tenants: all of them, or those of the given names and types. Never both kinds at once. */
  selection: Exclude<Selection, { kind: 'all' }>;
  /** How far. Default: the last migration of each schema. */
  target?: UndoTarget;
  /** Undo exactly what this run applied to the selected tenants; without a target. */
  run?: number;
  /**
   * Said for the whole fleet (tenants without names or types), and for a shared schema whose registry would go although
   * tenants are registered; both are refused without it.
   */
  confirmed?: boolean;
};

/** As `MigrateReport`, with `rolledBack` for `applied`; `upToDate` counts tenants that had nothing to undo. */
export type RollbackReport = Omit<MigrateReport, 'shared' | 'tenants'> & {
  shared: Omit<SharedResult, 'status'> & { status: 'rolledBack' | Exclude<SharedResult['status'], 'applied'> };
  tenants: Omit<MigrateReport['tenants'], 'applied'> & { rolledBack: number };
};
