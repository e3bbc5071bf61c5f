import { currentPassword } from '../../db/password.js';
import { currentInvocation } from '../../util/tenants-command.js';
import type { StartWorker } from '../channel.js';
import { packDatabase } from '../pack-database.js';
import type { Executor } from '../types.js';
import { assertHooksTravel } from '../worker-hooks.js';
import { processStarter } from './start-process.js';
import { threadStarter } from './start-thread.js';
import { WorkerPool } from './worker-pool.js';
import { Worker } from './worker.js';

/** Lanes of each worker unless the configuration says otherwise. */
export const WORKER_CONCURRENCY = 2;
/** A worker from which nothing is heard for so long, in ms, hangs. */
const SILENCE_MS = 60_000;
/** A worker serves so many times the tenants of a lane's connection before it is replaced. */
const CONNECTIONS_PER_LIFE = 20;

export type WorkerExecutorOptions = {
  /** How long a worker may be silent before it is killed, in ms. Workers give a sign of life each second. Default: 60 s. */
  silenceMs?: number;
  /** Memory for the objects of each worker, in MB. Default: that of Node.js. */
  heapMb?: number;
  /** Tenants after which a worker is replaced. Default: 20 times `recycle.tenants`. */
  recycleAfter?: number;
};

/** Spreads tenants over child processes. */
export function multiprocessingExecutor(options: WorkerExecutorOptions = {}): Executor {
  return workerExecutor('multiprocessing', processStarter({ heapMb: options.heapMb }), options);
}

/** Spreads tenants over threads of this process. */
export function workerThreadsExecutor(options: WorkerExecutorOptions = {}): Executor {
  return workerExecutor('worker-threads', threadStarter({ heapMb: options.heapMb }), options);
}

function workerExecutor(name: string, start: StartWorker, options: WorkerExecutorOptions): Executor {
  const crews = new Set<WorkerPool>();
  return {
    name,
    defaultConcurrency: WORKER_CONCURRENCY,
    usesWorkers: true,
    assertUsable: (database, hooks) => {
      packDatabase(database, name);
      if (hooks !== undefined) assertHooksTravel(hooks, name);
    },
    async *execute(work, context) {
      const setup = {
        database: packDatabase(context.database, name),
        settings: context.settings,
        concurrency: context.concurrency,
        recycleAfter: context.recycleAfter,
        hooks: context.hooks,
        invocation: currentInvocation(),
      };
      const crew = new WorkerPool(work, {
        context,
        recycleAfter: options.recycleAfter ?? CONNECTIONS_PER_LIFE * context.recycleAfter,
        startWorker: (listeners) =>
          new Worker({
            ...listeners,
            start,
            setup,
            silenceMs: options.silenceMs ?? SILENCE_MS,
            planOf: (id) => context.plans.get(id),
            password: async () => (await currentPassword(context.database)) ?? '',
          }),
      });
      crews.add(crew);
      try {
        yield* crew.run();
      } finally {
        crews.delete(crew);
      }
    },
    close: async () => {
      await Promise.all([...crews].map((crew) => crew.killAll()));
    },
  };
}
