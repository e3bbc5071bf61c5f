import { join, relative } from 'node:path';

import { describeDatabase } from '../config/database/database.js';
import type { LoadedProject } from '../config/loaded-project.js';
import { isTenantsError } from '../errors/tenants-error.js';
import { openLoaded, type OpenProject } from '../open-project.js';
import { formatError } from '../ui/error/format-error.js';
import { clean } from '../ui/text/clean.js';
import { redact } from '../util/redact.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { printMessage } from './output.js';

/** Projects whose embedded server may be running. */
const open = new Set<OpenProject>();

/**
 * Opens the project's database for `use` and always closes it afterwards. The embedded database is named on stderr, because it
 * may stand in for one that was meant and is not set.
 *
 * @param signal ends the waiting for a database that is starting
 */
export async function borrowProject<T>(
  loaded: LoadedProject,
  signal: AbortSignal,
  use: (project: OpenProject) => Promise<T>,
): Promise<T> {
  if (loaded.database === 'embedded') printMessage(embeddedNotice(loaded));
  try {
    const onWait = ({ message }: Error): void => printMessage(clean(redact(`Waiting for the database. ${message}`)));
    const project = await openLoaded(loaded, { signal, onWait });
    open.add(project);
    try {
      return await use(project);
    } finally {
      await close(project);
    }
  } catch (error) {
    throw withInit(error, loaded);
  }
}

function embeddedNotice({ root, databaseVariable }: LoadedProject): string {
  const folder = relative(process.cwd(), join(root, '.tenants')) || '.tenants';
  return ['Using', `${describeDatabase('embedded')} in ${clean(folder)}.`, databaseVariable ?? ''].join(' ').trim();
}

/** What is missing where no configuration was found is usually the configuration. */
function withInit(error: unknown, { configFile }: LoadedProject): unknown {
  if (configFile !== null || !isTenantsError(error)) return error;
  if (error.code !== 'NO_DATABASE' && error.code !== 'MIGRATIONS_UNREADABLE') return error;
  error.suggestions.push(
    `There is no configuration in this folder or above it. To write one, run: ${tenantsCommand('init')}`,
  );
  return error;
}

/** Closes the projects that are still open after a crash. Never throws. */
export async function closeProjects(): Promise<void> {
  await Promise.all([...open].map((project) => close(project)));
}

/** The work is already done, so failing to stop the server is only reported. */
async function close(project: OpenProject): Promise<void> {
  if (!open.delete(project)) return;
  try {
    await project.close();
  } catch (error) {
    printMessage(`The embedded database could not be stopped.\n${formatError(error, { color: false })}`);
  }
}
