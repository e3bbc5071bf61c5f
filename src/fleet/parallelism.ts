import type { Client } from 'pg';

import { freeConnections } from '../db/free-connections.js';
import { fitConnections, type Parallelism } from '../executors/fit-connections.js';
import { STANDARD_CONCURRENCY } from '../executors/standard.js';
import type { Executor } from '../executors/types.js';
import type { Project } from '../project/project.js';
import { plural } from '../util/format-count.js';

/** Processes and lanes as the configuration wants them. Pure. */
export function wantedParallelism(project: Project, executor: Executor): Parallelism {
  return {
    processes: executor.usesWorkers === true ? project.maxProcesses : 1,
    concurrency: project.concurrency ?? executor.defaultConcurrency ?? STANDARD_CONCURRENCY,
  };
}

/** What of it the server has connections for, in view of how many tenants there are; `warning` says what was lowered. */
export async function possibleParallelism(
  client: Client,
  project: Project,
  wanted: Parallelism,
  tenants: number,
): Promise<{ parallelism: Parallelism; warning?: string }> {
  const useful = {
    processes: Math.min(wanted.processes, Math.ceil(tenants / project.chunkSize)),
    concurrency: Math.min(wanted.concurrency, tenants),
  };
  const free = await freeConnections(client);
  const parallelism = fitConnections(useful, free);
  if (parallelism.processes === useful.processes && parallelism.concurrency === useful.concurrency) {
    return { parallelism: wanted };
  }
  const asked = describe(useful);
  return {
    parallelism,
    warning: `The server has ${plural(Math.max(0, free), 'free connection')}: ${describe(parallelism)} instead of ${asked}.`,
  };
}

function describe({ processes, concurrency }: Parallelism): string {
  const lanes = plural(concurrency, 'lane');
  return processes === 1 ? lanes : `${plural(processes, 'worker')} of ${lanes}`;
}
