import type { TenantResult, TenantWork } from '../engine/types.js';
import type { ExecutionContext, Executor, Lane } from './types.js';

/** Lanes of the standard executor unless the configuration says otherwise. */
export const STANDARD_CONCURRENCY = 4;

/** Applies everything in this process, over `concurrency` lanes that take work from one queue. */
export function standardExecutor(): Executor {
  return {
    name: 'standard',
    execute: (work, context) => runLanes(work, context),
    close: () => Promise.resolve(),
  };
}

async function* runLanes(work: AsyncIterable<TenantWork>, context: ExecutionContext): AsyncGenerator<TenantResult> {
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

/** Results in the order in which they come, for one reader. */
class ResultQueue implements AsyncIterable<TenantResult> {
  readonly #ready: TenantResult[] = [];
  #wake: (() => void) | undefined;
  #failure: { error: unknown } | undefined;
  #ended = false;

  push(result: TenantResult): void {
    this.#ready.push(result);
    this.#wake?.();
  }

  /** The first failure is thrown to the reader once everything has ended. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TenantResult> {
    for (;;) {
      const result = this.#ready.shift();
      if (result !== undefined) {
        yield result;
        continue;
      }
      if (this.#ended) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
