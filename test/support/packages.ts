import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { REPOSITORY } from './build.js';

/** Puts packages of the repository, and the repository itself as `pg-tenants`, into the node_modules of a test project. */
export async function linkPackages(root: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const place = join(root, 'node_modules', name);
    await mkdir(dirname(place), { recursive: true });
    await symlink(name === 'pg-tenants' ? REPOSITORY : join(REPOSITORY, 'node_modules', name), place);
  }
}
