import type { MigrateHooks } from '../engine/hooks/migrate-hooks.js';
import { TenantsError } from '../errors/tenants-error.js';

/** The hooks of a configuration as a worker finds them: functions cannot be sent to it. */
export type HookSource = {
  /** Names of the hooks that the parent has; the worker must find the same. */
  names: (keyof MigrateHooks)[];
  /** Where they come from; `undefined` when they were not loaded from a file. */
  origin:
    | {
        /** URL of a module that exports `loadHooks`, which reads a configuration file's hooks. */
        loader: string;
        /** Absolute path of the configuration file. */
        file: string;
      }
    | undefined;
};

/** @throws TenantsError EXECUTOR_UNAVAILABLE when workers would have no way to the hooks. */
export function assertHooksTravel({ names, origin }: HookSource, executor: string): void {
  if (origin !== undefined) return;
  throw new TenantsError(
    'EXECUTOR_UNAVAILABLE',
    `The executor "${executor}" cannot be used with these hooks (${names.join(', ')}): workers load hooks from the configuration file, and there is none.`,
    { suggestions: ['Put the hooks into the configuration file, or use the executor "standard".'] },
  );
}

/**
 * Loads the hooks in a worker.
 *
 * @throws TenantsError EXECUTOR_FAILED when the configuration cannot be loaded here, or has other hooks than in the parent.
 */
export async function loadWorkerHooks({ names, origin }: HookSource): Promise<MigrateHooks> {
  if (origin === undefined) throw failed('no configuration file exists to load them from');
  const { loader, file } = origin;
  let hooks: MigrateHooks;
  try {
    const module = (await import(loader)) as { loadHooks(file: string): Promise<MigrateHooks> };
    hooks = await module.loadHooks(file);
  } catch (error) {
    throw failed(error instanceof Error ? error.message.replace(/\.$/, '') : String(error), error);
  }
  const absent = names.filter((name) => hooks[name] === undefined);
  if (absent.length === 0) return Object.fromEntries(names.map((name) => [name, hooks[name]]));
  throw failed(`${file} has no ${absent.join(', ')} here, but has in the process that started the run`);
}

function failed(why: string, cause?: unknown): TenantsError {
  return new TenantsError('EXECUTOR_FAILED', `A worker could not load the hooks of the configuration: ${why}.`, {
    suggestions: [
      'Every worker loads the configuration file for itself: it must not depend on the process it is loaded in.',
      'Or run the command with --executor=standard, which works in one process.',
    ],
    cause,
  });
}
