import type { TenantResult, TenantAssignment } from '../../engine/types.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { ResultQueue } from '../result-queue.js';
import type { ExecutionContext } from '../types.js';
import { Chunks } from './chunks.js';
import { findOutcomes } from './dead-worker-outcome.js';
import { type DeathCause, describeCause, resultOfDeadWorker } from './result-of-dead-worker.js';
import type { Held, Worker, WorkerOptions } from './worker.js';

/** So many deaths without a result between them end the run: the cause is not one tenant. */
const DEATHS_IN_A_ROW = 3;

export type WorkerPoolOptions = {
  context: ExecutionContext;
  startWorker(listeners: Pick<WorkerOptions, 'onStart' | 'onResult' | 'onOutput'>): Worker;
  /** Tenants after which a worker is replaced. */
  recycleAfter: number;
};

/**
 * The workers of one round. Each has a place in which it is replaced when it dies or is worn out; a place without work has
 * none.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #chunks: Chunks;
  readonly #results = new ResultQueue();
  readonly #workers = new Set<Worker>();
  readonly #stopped = new AbortController();
  #deaths = 0;

  constructor(work: AsyncIterable<TenantAssignment>, options: WorkerPoolOptions) {
    this.#options = options;
    this.#chunks = new Chunks(work, options.context.chunkSize);
  }

  /** Results as they come. Throws, after them, what ended the round early. */
  async *run(): AsyncGenerator<TenantResult> {
    const { drain, cancel, maxProcesses } = this.#options.context;
    const ended = new AbortController();
    const onDrain = (): void => this.#drain();
    const onCancel = (): void => {
      this.#drain();
      for (const worker of this.#workers) worker.cancel();
    };
    drain.addEventListener('abort', onDrain, { signal: ended.signal });
    cancel.addEventListener('abort', onCancel, { signal: ended.signal });
    if (drain.aborted || cancel.aborted) this.#drain();
    const places = Array.from({ length: maxProcesses }, () =>
      this.#fillPlace().catch((error: unknown) => this.#fail(error)),
    );
    void Promise.all(places).then(() => this.#results.end());
    try {
      yield* this.#results;
    } finally {
      ended.abort();
      this.#drain();
      await this.killAll();
    }
  }

  /** Leaves no worker behind. */
  async killAll(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.kill()));
  }

  /** Works until there is nothing left, with one worker at a time. */
  async #fillPlace(): Promise<void> {
    const { concurrency } = this.#options.context;
    const { recycleAfter } = this.#options;
    /** Tenants whose worker died. Each gets a second chance alone, so that the one to blame takes nobody with it. */
    const suspects: TenantAssignment[] = [];
    let worker: Worker | undefined;
    for (;;) {
      const suspect = this.#isStopping() ? undefined : suspects.shift();
      const chunk = suspect === undefined ? await this.#chunks.take() : [suspect];
      const more = chunk.length > 0 && !this.#isStopping();
      if (!more && worker === undefined) return;
      if (more) {
        worker ??= this.#start();
        worker.hand(chunk);
      }
      const wornOut = worker !== undefined && worker.served >= recycleAfter;
      const untilIdle = !more || wornOut || suspect !== undefined || suspects.length > 0;
      await worker?.untilHolds(untilIdle ? 0 : concurrency - 1);
      if (worker !== undefined) await this.#settleUnclear(worker);
      if (worker?.death !== undefined) {
        suspects.push(...(await this.#mourn(worker, worker.death, suspect)));
        worker = undefined;
      } else if (worker !== undefined && (!more || wornOut)) {
        await worker.end();
        this.#leave(worker);
        worker = undefined;
      }
    }
  }

  #start(): Worker {
    const { context, startWorker } = this.#options;
    const worker = startWorker({
      onStart: (tenant) => context.onStart(tenant),
      onOutput: (line) => context.onOutput(line),
      onResult: (result) => {
        this.#deaths = 0;
        this.#results.push(result);
      },
    });
    this.#workers.add(worker);
    context.onWorkers(this.#workers.size);
    return worker;
  }

  #leave(worker: Worker): void {
    this.#workers.delete(worker);
    this.#options.context.onWorkers(this.#workers.size);
  }

  /** Finds out what became of a dead worker's tenants; returns those that are to be handed out again. */
  async #mourn(
    worker: Worker,
    { unfit, ...cause }: NonNullable<Worker['death']>,
    suspect: TenantAssignment | undefined,
  ): Promise<TenantAssignment[]> {
    this.#leave(worker);
    const cut = this.#isStopping();
    this.#deaths += 1;
    if (!cut && unfit === true) this.#fail(unfitWorkers(cause));
    else if (!cut && this.#deaths >= DEATHS_IN_A_ROW) this.#fail(tooManyDeaths(cause));
    if (!worker.hasBegun) return worker.held.map(({ work }) => work);
    return await this.#settle(worker.held, cause, suspect === undefined || cut || unfit === true);
  }

  async #settleUnclear(worker: Worker): Promise<void> {
    for (const held of worker.takeUnclear()) {
      await this.#settle([held], { how: 'met an unexpected error', error: held.error }, false);
    }
  }

  async #settle(held: readonly Held[], cause: DeathCause, mayRetry: boolean): Promise<TenantAssignment[]> {
    const { context } = this.#options;
    const found = await findOutcomes(
      held.map(({ work }) => work),
      context,
    );
    const again: TenantAssignment[] = [];
    for (const one of held) {
      const where = found.get(one.work.tenant);
      if (where === undefined) continue;
      const result = resultOfDeadWorker(one, context.plans.get(one.work.planId), where, cause, mayRetry);
      if (result === undefined) again.push(one.work);
      else this.#results.push(result);
    }
    return again;
  }

  #fail(error: unknown): void {
    this.#results.fail(error);
    this.#drain();
  }

  #drain(): void {
    this.#stopped.abort();
    this.#chunks.end();
    for (const worker of this.#workers) worker.drain();
  }

  #isStopping(): boolean {
    return this.#stopped.signal.aborted;
  }
}

function unfitWorkers({ how, error }: DeathCause): TenantsError {
  return new TenantsError('EXECUTOR_FAILED', error?.message ?? `A worker ${how}.`, {
    suggestions: error?.suggestions ?? [],
    cause: error,
  });
}

function tooManyDeaths(cause: DeathCause): TenantsError {
  return new TenantsError(
    'EXECUTOR_FAILED',
    `${DEATHS_IN_A_ROW} workers in a row died without migrating a tenant; the last one ${describeCause(cause)}.`,
    {
      suggestions: [
        'Look at what the migrations do besides SQL, and at the memory that is free on this machine.',
        'Run the command again with --executor=standard, which works in this process.',
      ],
    },
  );
}
