import type { ApplySettings, Plan, TenantResult, TenantWork } from '../engine/types.js';

export type { NotExecutedReason, TenantResult } from '../engine/types.js';

/** One connection that migrates one tenant at a time. */
export interface Lane {
  apply(work: TenantWork): Promise<TenantResult>;
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
  /** Aborted when nothing more may be handed out; what runs is drained. */
  readonly drain: AbortSignal;
  /** Aborted when running statements are to be cancelled and rolled back. */
  readonly cancel: AbortSignal;
  /** Opens a lane in this process. */
  openLane(): Promise<Lane>;
  /** A tenant begins on a lane; for progress display only. */
  onStart(tenant: string): void;
};

/** How tenants are spread over lanes and workers. */
export interface Executor {
  readonly name: string;
  /** Takes work as lanes become free and yields results as they come, in any order. */
  execute(work: AsyncIterable<TenantWork>, context: ExecutionContext): AsyncIterable<TenantResult>;
  close(): Promise<void>;
}
