import type { ApplySettings, Plan, TenantWork } from '../engine/types.js';
import type { SerializedError } from '../errors/index.js';

/** Why a tenant was left as it was although it had work to do. */
export type NotExecutedReason = 'canaryFailed' | 'failFast' | 'maxFailures' | 'interrupted' | 'lockLost';

/** What happened to one tenant. Plain JSON: it crosses process borders and stands in reports unchanged. */
export type TenantResult = {
  tenant: string;
  /** Errors after which the tenant was tried again, by SQLSTATE. */
  attempts?: { sqlstate: string; count: number }[];
} & (
  | { status: 'applied' | 'rolledBack'; migrations: string[]; durationMs: number }
  | { status: 'upToDate' | 'missing' }
  /** `committed` names the migrations that earlier segments of the same plan had committed. */
  | { status: 'failed'; committed: string[]; migration?: string; error: SerializedError }
  | { status: 'notExecuted'; reason: NotExecutedReason }
);

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
