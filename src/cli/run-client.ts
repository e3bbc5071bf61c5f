import type { LoadedProject } from '../config/loaded-project.js';
import type { ShellOptions } from '../each-tenant/exec/shell.js';
import type { OpenProject } from '../open-project.js';
import { borrowProject } from './borrow-project.js';
import { outputOptions } from './output.js';

/** The command's own words, and those after `--`, which the parser never sees: it would reorder words that occur twice. */
export function programAfterDashes(argv: readonly string[]): { own: string[]; rest: string[] } {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  return { own: argv.slice(0, end), rest: argv.slice(end + 1) };
}

/** Lends the project, and this process's folder, environment and terminal, to a client of PostgreSQL. */
export async function runClient(
  loaded: LoadedProject,
  use: (project: OpenProject, options: Omit<ShellOptions, 'command'>) => Promise<number>,
): Promise<number> {
  const stdout = outputOptions().json ? 'stderr' : 'stdout';
  const never = new AbortController().signal;
  return await borrowProject(loaded, never, (project) =>
    use(project, { cwd: process.cwd(), env: process.env, stdout }),
  );
}
