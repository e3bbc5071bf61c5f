import type { RunnerOption } from 'node-pg-migrate';

/** Takes node-pg-migrate's log and drops it: what there is to say about a run is said by its report. */
export const quiet: NonNullable<RunnerOption['logger']> = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
