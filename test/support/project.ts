import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder of a test, with the files of a user's project. */
export type TestProject = {
  root: string;
  path(...parts: string[]): string;
  /** Writes a file, with the folders it needs, and returns its path. */
  write(name: string, text: string): Promise<string>;
  remove(): Promise<void>;
};

/**
 * Creates a project folder below the system's temporary folder.
 *
 * @param files text by path relative to the project
 * @param options.parent another place than the system's temporary folder
 * @param options.name ends the folder's name; default `project`
 */
export async function createProject(
  files: Record<string, string> = {},
  options: { parent?: string; name?: string } = {},
): Promise<TestProject> {
  const root = join(await mkdtemp(join(options.parent ?? tmpdir(), 'tenants-')), options.name ?? 'project');
  await mkdir(root);
  // The account that runs an embedded server for root has to get in.
  await chmod(dirname(root), 0o755);
  const path = (...parts: string[]): string => join(root, ...parts);
  const write = async (name: string, text: string): Promise<string> => {
    await mkdir(dirname(path(name)), { recursive: true });
    await writeFile(path(name), text);
    return path(name);
  };
  for (const [name, text] of Object.entries(files)) await write(name, text);
  return { root, path, write, remove: () => rm(dirname(root), { recursive: true, force: true }) };
}
