import { isAbsolute } from 'node:path';

import { TenantsError } from '../errors/tenants-error.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import { standardExecutor } from './standard.js';
import type { Executor } from './types.js';

/** What workers need is loaded for those who want workers. */
const BUILT_IN: Readonly<Record<string, () => Executor | Promise<Executor>>> = {
  standard: standardExecutor,
  multiprocessing: async () => (await import('./parent/worker-executor.js')).multiprocessingExecutor(),
  'worker-threads': async () => (await import('./parent/worker-executor.js')).workerThreadsExecutor(),
};

/**
 * Finds an executor by its name, or loads it from a module.
 *
 * @param name a built-in one's name, or the absolute path of a module
 * @throws TenantsError EXECUTOR_UNAVAILABLE for a name that is not one and a module that has none.
 */
export async function findExecutor(name: string): Promise<Executor> {
  if (isAbsolute(name)) {
    const { loadExecutor } = await import('./load-executor.js');
    return await loadExecutor(name);
  }
  const make = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
  if (make !== undefined) return await make();
  const names = Object.keys(BUILT_IN);
  throw new TenantsError('EXECUTOR_UNAVAILABLE', `Unknown executor "${name}".`, {
    suggestions: [
      ...didYouMean(nearestNames(name, names)),
      `The built-in ones are ${names.join(', ')}; a module is named by its path, such as ./my-executor.js.`,
    ],
  });
}
