import type { LoadedProject } from '../config/project.js';
import { openLoaded, type OpenProject } from '../open-project.js';
import { formatError } from '../ui/error/format-error.js';
import { printMessage } from './output.js';

/** Projects whose embedded server may be running. */
const open = new Set<OpenProject>();

/** Opens the project's database for `use` and closes it again, whatever happens. */
export async function borrowProject<T>(loaded: LoadedProject, use: (project: OpenProject) => Promise<T>): Promise<T> {
  const project = await openLoaded(loaded);
  open.add(project);
  try {
    return await use(project);
  } finally {
    await close(project);
  }
}

/** Closes what is still open when the program ends otherwise than by returning. Never throws. */
export async function closeProjects(): Promise<void> {
  await Promise.all([...open].map((project) => close(project)));
}

/** What was done is done, so that a server which cannot be stopped is only a remark. */
async function close(project: OpenProject): Promise<void> {
  if (!open.delete(project)) return;
  try {
    await project.close();
  } catch (error) {
    printMessage(`The embedded database could not be stopped.\n${formatError(error, { color: false })}`);
  }
}
