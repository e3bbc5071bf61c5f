import type { FleetEvent } from '../../fleet/types.js';
import type { Invocation } from '../../journal/types.js';

export type PoolOptions = {
  /** Make and update schemas. Default: only look. */
  fill?: boolean;
  /** Schemas that each type is to have. Default: the project's `pool.size`, or 0. */
  size?: number;
  /** What the command line knows about the call, for its record. */
  invocation?: Invocation;
  /** Aborted when no further schema is to be made. */
  drain?: AbortSignal;
  /** Aborted when what runs is to be canceled and rolled back. */
  cancel?: AbortSignal;
  onEvent?: (event: FleetEvent) => void;
};

/** The schemas of one type that were made ahead. */
export type PoolOfType = {
  type: string | null;
  /** How many there are to be. */
  size: number;
  /** Up to date: a new tenant can have one. */
  ready: number;
  /** Made from other files than there are now. */
  stale: number;
  /** Somebody began to make them and did not finish, or is at work on them. */
  unfinished: number;
  /** What this call did. */
  created: number;
  updated: number;
  dropped: number;
};

export type PoolReport = {
  durationMs: number;
  pools: PoolOfType[];
  /** Why schemas could not be made. */
  failures: { type: string | null; message: string }[];
  /** Another process fills the pool. */
  busy: boolean;
  warnings: string[];
};
