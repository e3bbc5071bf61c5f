import type { LoadedProject } from '../config/project.js';
import { openLoaded, type OpenProject } from '../open-project.js';
import { formatError } from '../ui/error/format-error.js';
import { printMessage } from './output.js';

/** Projects whose embedded server may be running. */
const open = new Set<OpenProject>();

/** Opens the project's database for `use` and always closes it afterwards. */
export async function borrowProject<T>(loaded: LoadedProject, use: (project: OpenProject) => Promise<T>): Promise<T> {
  const project = await openLoaded(loaded);
  open.add(project);
  try {
    return await use(project);
  } finally {
    await close(project);
  }
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
