import { TenantsError } from '../errors/tenants-error.js';
import { exportOf, importModule } from '../util/import-module.js';
import type { Executor } from './types.js';

/**
 * Loads an executor from a module: its default export or the one named `executor`, or a function of either name that
 * returns one, async or not.
 *
 * @param file absolute path
 * @throws TenantsError EXECUTOR_UNAVAILABLE when it cannot be loaded, or what it exports has not the shape of one.
 */
export async function loadExecutor(file: string): Promise<Executor> {
  let made: unknown;
  try {
    const exported = exportOf(await importModule(file), 'executor');
    made = typeof exported === 'function' ? await (exported as () => unknown)() : exported;
  } catch (error) {
    throw unavailable(file, `it cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  const problems = complaintsAbout(made);
  if (problems.length > 0) throw unavailable(file, problems.join(', '));
  return made as Executor;
}

function complaintsAbout(made: unknown): string[] {
  if (typeof made !== 'object' || made === null) {
    return ['it exports no executor: neither a default export nor one named "executor" is an object or makes one'];
  }
  const { name, execute, close, defaultConcurrency, assertUsable } = made as Partial<Record<keyof Executor, unknown>>;
  const problems: string[] = [];
  if (typeof name !== 'string' || name === '') problems.push('its "name" must be a non-empty string');
  if (typeof execute !== 'function') problems.push('its "execute" must be a function');
  if (typeof close !== 'function') problems.push('its "close" must be a function');
  if (defaultConcurrency !== undefined && !(Number.isInteger(defaultConcurrency) && Number(defaultConcurrency) > 0)) {
    problems.push('its "defaultConcurrency" must be a positive integer');
  }
  if (assertUsable !== undefined && typeof assertUsable !== 'function') {
    problems.push('its "assertUsable" must be a function');
  }
  return problems;
}

function unavailable(file: string, why: string, cause?: unknown): TenantsError {
  return new TenantsError('EXECUTOR_UNAVAILABLE', `The executor ${file} cannot be used: ${why}.`, {
    file,
    suggestions: ['An executor is an object with "name", "execute" and "close"; docs/executors.md has an example.'],
    cause,
  });
}
