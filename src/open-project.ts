import { requireDatabase } from './config/database/database.js';
import { loadProject, type LoadOptions } from './config/load.js';
import type { LoadedProject } from './config/loaded-project.js';
import { chooseServer, type ChooseOptions } from './db/choose-server.js';
import type { Project } from './project/project.js';

/** A loaded project with a database to connect to. `close` stops what was started for it; it may be called twice. */
export type OpenProject = Project &
  Pick<LoadedProject, 'configFile' | 'hooks' | 'warnings'> & { close(): Promise<void> };

/**
 * Loads the configuration and, where it says `embedded`, starts that server.
 *
 * @throws TenantsError CONFIG_…, USAGE, NO_DATABASE, or EMBEDDED_… when the server cannot be started. Where the setting names
 *   several servers, or `connectWait` is set, also DATABASE_UNREACHABLE and DATABASE_REFUSED.
 */
export async function openProject(options: LoadOptions): Promise<OpenProject> {
  return await openLoaded(await loadProject(options));
}

/** The second half of `openProject`, for a configuration that is loaded already. */
export async function openLoaded(
  loaded: LoadedProject,
  options: Pick<ChooseOptions, 'signal' | 'onWait'> = {},
): Promise<OpenProject> {
  const choice = requireDatabase(loaded);
  if (choice !== 'embedded') {
    const database = await chooseServer(choice, { ...options, waitMs: loaded.connectWaitMs });
    return { ...loaded, database, close: () => Promise.resolve() };
  }
  const { startEmbedded } = await import('./embedded/start.js');
  const server = await startEmbedded({ root: loaded.root });
  return { ...loaded, database: server.config, close: () => server.stop() };
}
