import type { TenantResult, TenantAssignment } from '../engine/types.js';
import { ResultQueue } from './result-queue.js';
import type { ExecutionContext, Executor, Lane } from './types.js';

/** Lanes of the standard executor unless the configuration says otherwise. */
export const STANDARD_CONCURRENCY = 4;

/** Applies everything in this process, over `concurrency` lanes that take work from one queue. */
export function standardExecutor(): Executor {
  return {
    name: 'standard',
    defaultConcurrency: STANDARD_CONCURRENCY,
    execute: (work, context) => runLanes(work, context),
    close: () => Promise.resolve(),
  };
}

async function* runLanes(
  work: AsyncIterable<TenantAssignment>,
  context: ExecutionContext,
): AsyncGenerator<TenantResult> {
  const queue = work[Symbol.asyncIterator]();
  const results = new ResultQueue();
  let running = 0;
  const runLane = async (): Promise<void> => {
    let lane: Lane | undefined;
    try {
      for (;;) {
        // A lane is opened for its first tenant, so that no connection stays without work.
        const next = await queue.next();
        if (next.done === true) break;
        lane ??= await context.openLane();
        context.onStart(next.value.tenant);
        results.push(await lane.apply(next.value));
      }
    } finally {
      await lane?.close();
    }
  };
  for (let index = 0; index < context.concurrency; index += 1) {
    running += 1;
    runLane()
      .catch((error: unknown) => results.fail(error))
      .finally(() => {
        running -= 1;
        if (running === 0) results.end();
      });
  }
  yield* results;
}
