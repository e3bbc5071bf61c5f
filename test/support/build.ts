import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Folder of this repository. */
export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles `src` to `dist` when it is newer. A type error is reported, and what was compiled is used all the same. */
export async function ensureBuilt(): Promise<void> {
  const [source, built] = await Promise.all([newest(join(REPOSITORY, 'src')), newest(join(REPOSITORY, 'dist'))]);
  if (built > source) return;
  const tsc = join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc');
  await promisify(execFile)(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: REPOSITORY }).catch(
    (error: Error & { stdout?: string }) => console.warn(`The build has errors:\n${error.stdout ?? error.message}`),
  );
  await promisify(execFile)(process.execPath, [join(REPOSITORY, 'scripts', 'copy-page.js')]);
}

/** Time (ms) of the last change below a folder, folders included, so that a deleted file counts; 0 when it is missing. */
async function newest(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const times = await Promise.all(['', ...entries].map((entry) => stat(join(folder, entry)).catch(() => undefined)));
  return Math.max(0, ...times.map((found) => found?.mtimeMs ?? 0));
}
