import type { Executor } from '../executors/types.js';
import type { FilesByType } from '../fleet/cohorts.js';
import type { RunJournal } from '../journal/write/run-journal.js';
import type { PlannedCohort } from './dispatch.js';
import type { RunHookCalls } from './hooks/run-hook-calls.js';
import type { EffectiveRollout } from './rollout/effective-rollout.js';
import type { Pacing } from './rollout/pacing.js';
import type { RunLimits } from './rollout/run-limits.js';
import type { RunRecord } from './run-record.js';
import type { StopSign } from './stop-sign.js';
import type { RunRequest } from './survey-phase.js';
import type { MigrateOptions } from './types.js';

/** What the phases of a run share. Only the record and the stop sign change; all else is handed on from phase to phase. */
export type Run = Omit<RunRequest, 'options'> & {
  readonly options: MigrateOptions;
  /** How the run is spread over time; its limits and its pace follow from it. */
  readonly rollout: EffectiveRollout;
  readonly limits: RunLimits;
  readonly pacing: Pacing;
  readonly executor: Executor;
  readonly record: RunRecord;
  /** Where the run is recorded for later. */
  readonly journal: RunJournal;
  readonly hooks: RunHookCalls;
  readonly stop: StopSign;
  /** Aborted when running statements are to be canceled and rolled back. */
  readonly cancel: AbortSignal;
};

/** What a round hands out, and the migration files of all tenant types that were read so far. */
export type Round = { readonly cohorts: readonly PlannedCohort[]; readonly files: FilesByType };

/** The first round, with the names of all tenants that can have a wave, in the order of hand-out. */
export type FirstRound = Round & { readonly order: readonly string[] };
