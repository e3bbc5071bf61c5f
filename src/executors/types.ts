import type { DatabaseConfig } from '../db/database-config.js';
import type { ApplySettings, Plan, TenantResult, TenantAssignment } from '../engine/types.js';
import type { HookSource } from './worker-hooks.js';

export type { NotExecutedReason, TenantResult } from '../engine/types.js';

/** One connection that migrates one tenant at a time. */
export interface Lane {
  apply(work: TenantAssignment): Promise<TenantResult>;
  close(): Promise<void>;
}

/** What an executor gets for one round of work. */
export type ExecutionContext = {
  readonly plans: ReadonlyMap<string, Plan>;
  readonly settings: ApplySettings;
  /** Lanes in each process. */
  readonly concurrency: number;
  readonly maxProcesses: number;
  readonly chunkSize: number;
  /** Where lanes connect to, password included: nothing to print, and nothing for an argv or an environment. */
  readonly database: DatabaseConfig;
  /** The hooks that lanes call, for an executor that opens lanes elsewhere; those of `openLane` have them already. */
  readonly hooks?: HookSource | undefined;
  /** Tenants after which a lane's connection is replaced. */
  readonly recycleAfter: number;
  /** Aborted when nothing more may be handed out; what runs is drained. */
  readonly drain: AbortSignal;
  /** Aborted when running statements are to be canceled and rolled back. */
  readonly cancel: AbortSignal;
  /** Opens a lane in this process. */
  openLane(): Promise<Lane>;
  /** A tenant begins on a lane; for progress display only. */
  onStart(tenant: string): void;
  /** So many workers are alive now; the report says how many there were at most. */
  onWorkers(alive: number): void;
  /** A line that a worker printed; for progress display only. */
  onOutput(line: string): void;
};

/** How tenants are spread over lanes and workers. */
export interface Executor {
  readonly name: string;
  /** Lanes per process where the configuration does not say. Default: 4. */
  readonly defaultConcurrency?: number;
  /** It starts up to `maxProcesses` workers with `concurrency` lanes each. Default: false, all lanes are in this process. */
  readonly usesWorkers?: boolean;
  /**
   * Called before anything is touched.
   *
   * @throws TenantsError EXECUTOR_UNAVAILABLE when it cannot work with this configuration.
   */
  assertUsable?(database: DatabaseConfig, hooks?: HookSource): void;
  /**
   * Takes work as lanes become free and yields results as they come, in any order. A tenant that was taken and gets no
   * result has failed; what is thrown ends the run and leaves the results that were yielded.
   */
  execute(work: AsyncIterable<TenantAssignment>, context: ExecutionContext): AsyncIterable<TenantResult>;
  /** Called once, when the run is over. */
  close(): Promise<void>;
}
