import { TenantsError } from '../errors/tenants-error.js';
import type { Hooks } from '../project/hook-types.js';
import { hooksSchema } from './hooks-schema.js';
import { describeProblems } from './problems.js';
import { readConfig } from './read.js';

/**
 * The hooks of a configuration file, for a worker: nothing else of it is looked at. Known to workers by its URL alone.
 *
 * @param file absolute path
 * @throws TenantsError CONFIG_INVALID
 */
export async function loadHooks(file: string): Promise<Hooks> {
  const { hooks = {} } = await readConfig(file);
  const parsed = hooksSchema.safeParse(hooks);
  if (parsed.success) return parsed.data;
  const problems = describeProblems(hooksSchema, parsed.error.issues);
  throw new TenantsError('CONFIG_INVALID', `The hooks of ${file} cannot be used: ${problems.join(', ')}.`, {
    file,
    problems,
  });
}

/** The URL of this module, as JavaScript: when it is run from its source, as in the tests, that of the built one. */
export function hookLoaderUrl(): string {
  const source = import.meta.url.endsWith('.ts');
  return new URL(source ? '../../dist/config/load-hooks.js' : './load-hooks.js', import.meta.url).href;
}
