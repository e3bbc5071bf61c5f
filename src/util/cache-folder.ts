import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';

/**
 * Where transformed copies of a project's TypeScript and JavaScript may be kept: `.cache/jiti` in the nearest
 * `node_modules` above a file, as other tools do it; `false` where there is none or it cannot be written.
 *
 * Never a shared temporary folder, jiti's own choice without a `node_modules`: what others can write to is a way to run
 * their code. Who can write to `node_modules` can do that anyway.
 */
export function cacheFolder(file: string): string | false {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const modules = path.join(folder, 'node_modules');
    if (existsSync(modules)) return isWritable(modules) ? path.join(modules, '.cache', 'jiti') : false;
    if (folder === path.dirname(folder)) return false;
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
