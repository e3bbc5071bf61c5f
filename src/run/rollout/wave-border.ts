/** Where a run stands between two waves. */
export type WaveBorder = {
  /** The wave that is over, from 1. */
  current: number;
  of: number;
  /** Tenants that failed in the waves so far. */
  failed: number;
  /** Tenants that are in the waves so far, whether they had something to run or not. */
  members: number;
  /** Tenants of the next wave that have something to run. */
  next: number;
};
