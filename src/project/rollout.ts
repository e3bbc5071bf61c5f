/** How a change of many tenants is spread over time. What is absent holds nothing back. */
export type Rollout = {
  /** Sizes of the waves of `migrate`, each including those before: numbers of tenants, or shares such as `5%`. */
  waves?: readonly (number | string)[] | undefined;
  /** Between two waves: ms, or `ask`. Without it the run ends at the end of a wave, and the next one begins the next wave. */
  pause?: number | 'ask' | undefined;
  /** Failed tenants up to which the next wave begins: a number, or a share of those of the waves so far. Default: `maxFailures`, or 0. */
  maxFailures?: number | string | undefined;
  /** Time after which no more tenants are started, in ms from the beginning of the run. */
  maxDurationMs?: number | undefined;
  /** Times of day at which `migrate` starts tenants, such as `22:00-05:00 Europe/Berlin`; `always` is all of them. */
  window?: string | undefined;
  /** Pause of a lane between two tenants, in ms. */
  delayMs?: number | undefined;
  /** Lag of a replica, in ms, up to which tenants are started. */
  maxReplicaLagMs?: number | undefined;
  /** Sessions of others waiting for locks up to which tenants are started. */
  maxLockWaits?: number | undefined;
};
