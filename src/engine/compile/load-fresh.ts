import { createRequire } from 'node:module';
import { sep } from 'node:path';

import { createJiti } from 'jiti';

import { cacheFolder } from '../../util/cache-folder.js';
import type { MigrationFile, MigrationSource } from '../types.js';
import type { Actions } from './actions.js';
import { isSqlFile, jitiBase, type LoadedMigrations } from './load.js';

const { cache } = createRequire(import.meta.url);

/**
 * Evaluates the files of a directory a second time, with the project's own modules that they import.
 *
 * State that a module keeps is made again, so that SQL which depends on it differs from the first time. Node never forgets
 * an ES module, so everything is evaluated as CommonJS, in one synchronous step a file during which the modules
 * evaluated before are hidden; code that runs in between finds its modules as they were. Packages are not evaluated again.
 *
 * A file that cannot be evaluated in this way (top-level `await`) keeps what the first evaluation made of it.
 */
export async function loadFresh(
  source: MigrationSource,
  files: readonly MigrationFile[],
  first: LoadedMigrations,
  evaluate: (file: MigrationFile, action: () => Promise<void>) => Promise<void>,
): Promise<LoadedMigrations> {
  const { tsconfigPaths } = source;
  const require = createJiti(jitiBase(source), { tsconfigPaths, fsCache: cacheFolder(jitiBase(source)) });
  const fresh: Modules = new Map();
  const result = new Map(first);
  for (const file of files) {
    if (isSqlFile(file)) continue;
    await evaluate(file, async () => {
      try {
        result.set(
          file.path,
          withModules(fresh, () => require(file.path) as Actions),
        );
      } catch {
        // The first evaluation stands.
      }
    });
  }
  return result;
}

type Modules = Map<string, NodeJS.Module>;

/** Runs a synchronous action with `modules` in the place of all loaded modules of the project, and collects new ones there. */
function withModules<T>(modules: Modules, action: () => T): T {
  const hidden = takeModules();
  for (const [path, module] of modules) cache[path] = module;
  try {
    return action();
  } finally {
    for (const [path, module] of takeModules()) modules.set(path, module);
    for (const [path, module] of hidden) cache[path] = module;
  }
}

function takeModules(): Modules {
  const taken: Modules = new Map();
  for (const [path, module] of Object.entries(cache)) {
    if (module === undefined || path.includes(`${sep}node_modules${sep}`)) continue;
    taken.set(path, module);
    delete cache[path];
  }
  return taken;
}
