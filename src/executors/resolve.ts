import { TenantsError } from '../errors/index.js';
import { standardExecutor } from './standard.js';
import type { Executor } from './types.js';

/** Executors that the product brings. */
export const BUILT_IN_EXECUTORS = ['standard', 'multiprocessing', 'worker-threads'] as const;

/**
 * Finds an executor by its name.
 *
 * @throws TenantsError EXECUTOR_UNAVAILABLE for a name that is not one.
 */
export function resolveExecutor(name: string): Executor {
  if (name === 'standard') return standardExecutor();
  if ((BUILT_IN_EXECUTORS as readonly string[]).includes(name)) {
    throw new TenantsError('EXECUTOR_UNAVAILABLE', `The executor "${name}" is not available yet.`, {
      suggestions: ['Use --executor=standard with --concurrency N: its lanes work in parallel, too.'],
    });
  }
  throw new TenantsError('EXECUTOR_UNAVAILABLE', `There is no executor "${name}".`, {
    suggestions: [`The built-in ones are ${BUILT_IN_EXECUTORS.join(', ')}.`],
  });
}
