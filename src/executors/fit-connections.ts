/** Connections that are left to others: a cancellation, a look-up, someone who wants to see what is going on. */
const SPARE = 2;

export type Parallelism = {
  processes: number;
  /** Lanes in each process. */
  concurrency: number;
};

/**
 * As many processes and lanes as the server has connections for, at least one lane. Processes are given up first. Pure.
 *
 * @param free connections that the server has left, spare ones included
 */
export function fitConnections({ processes, concurrency }: Parallelism, free: number): Parallelism {
  const usable = Math.max(1, free - SPARE);
  if (processes * concurrency <= usable) return { processes, concurrency };
  const fitting = Math.floor(usable / concurrency);
  return fitting >= 1 ? { processes: fitting, concurrency } : { processes: 1, concurrency: usable };
}
