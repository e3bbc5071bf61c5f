import type { ApplySettings, Plan, TenantResult, TenantAssignment } from '../engine/types.js';
import type { SerializedError } from '../errors/serialize.js';
import type { PackedDatabase } from './pack-database.js';
import type { HookSource } from './worker-hooks.js';

/**
 * What a parent and its workers say to each other, processes and threads alike. Everything is plain data that the
 * structured clone algorithm copies. A worker of another version is refused: the files on disk were replaced during a run.
 */
export const PROTOCOL_VERSION = 3;

/** ms between two signs of life of a worker. They come from its event loop: a worker that hangs is silent. */
export const HEARTBEAT_MS = 1000;

/** What a worker is told once, at its start. The password is in here and nowhere else. */
export type WorkerSetup = {
  database: PackedDatabase;
  settings: ApplySettings;
  /** Lanes of this worker. */
  concurrency: number;
  recycleAfter: number;
  /** Absent when there are none. */
  hooks?: HookSource | undefined;
  /** What commands in its errors begin with. */
  invocation: string;
};

export type ToWorker =
  | { type: 'setup'; setup: WorkerSetup }
  /** Comes once, before the first tenant that needs it. */
  | { type: 'plan'; plan: Plan }
  | { type: 'chunk'; work: TenantAssignment[] }
  /** Finish what is at a lane and give the rest back. */
  | { type: 'drain' }
  | { type: 'cancel' }
  | { type: 'password'; id: number; password: string }
  | { type: 'noPassword'; id: number; message: string }
  /** Nothing more comes: close the lanes and exit. */
  | { type: 'end' };

export type FromWorker =
  /** The first message: the worker listens. */
  | { type: 'hello'; version: number }
  | { type: 'alive' }
  | { type: 'start'; tenant: string }
  | { type: 'result'; result: TenantResult }
  /** A mistake in the program: what became of the tenant has to be looked up. */
  | { type: 'threw'; tenant: string; error: SerializedError }
  | { type: 'givenBack'; tenants: string[] }
  /** A new connection needs the password that a function of the configuration makes. */
  | { type: 'askPassword'; id: number }
  /** The last message of a worker that cannot go on. */
  | { type: 'failed'; error: SerializedError }
  /** Instead of it, when no other worker could do better. */
  | { type: 'unfit'; error: SerializedError };

const FROM_WORKER: ReadonlySet<unknown> = new Set([
  'hello',
  'alive',
  'start',
  'result',
  'threw',
  'givenBack',
  'askPassword',
  'failed',
  'unfit',
] satisfies FromWorker['type'][]);

/** Tells the worker's messages from what a migration sends over the same channel. */
export function isFromWorker(message: unknown): message is FromWorker {
  return typeof message === 'object' && message !== null && 'type' in message && FROM_WORKER.has(message.type);
}
