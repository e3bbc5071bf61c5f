import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';

import {
  CONFIG_FILE,
  CONFIG_TEXT,
  FIRST_MIGRATIONS,
  type Layout,
  TENANT_MIGRATION_TEXT,
} from '../../config/scaffold.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { registryMigration } from '../../registry/migration-template.js';

/** Paths relative to the project, with `/`. */
export type Scaffolded = { written: string[]; kept: string[] };

/**
 * Writes the first files of a project: configuration, first shared migration, example tenant migration. Never overwrites a
 * file, and leaves a directory alone that already contains migrations.
 *
 * @param layout from the configuration, or the defaults
 * @param configFile the existing configuration; `null` if there is none and one is to be written
 */
export async function scaffoldProject(root: string, layout: Layout, configFile: string | null): Promise<Scaffolded> {
  const result: Scaffolded = { written: [], kept: [] };
  const note = (path: string, written: boolean): void => {
    result[written ? 'written' : 'kept'].push(relative(root, path).replaceAll(sep, '/'));
  };
  const migrations = [
    [layout.shared.migrations, FIRST_MIGRATIONS.shared, registryMigration(layout.registry)],
    [layout.tenants.migrations, FIRST_MIGRATIONS.tenant, TENANT_MIGRATION_TEXT],
  ] as const;
  if (configFile === null) {
    const path = join(root, CONFIG_FILE);
    note(path, await writeNew(path, CONFIG_TEXT));
  } else {
    note(configFile, false);
  }
  for (const [directory, name, text] of migrations) {
    const there = await migrationsIn(directory);
    if (there.length > 0 && !there.includes(name)) note(directory, false);
    else note(join(directory, name), there.length === 0 && (await writeNew(join(directory, name), text)));
  }
  return result;
}

async function migrationsIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => /^[^.].*\.(?:sql|[cm]?js|ts)$/.test(name));
}

/** Returns whether the file was written; an existing file is left alone. */
async function writeNew(path: string, text: string): Promise<boolean> {
  await makeFolder(dirname(path));
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'EEXIST' || error.code === 'ENOTDIR'))) {
      throw error;
    }
    throw new TenantsError('FILE_EXISTS', `The folder ${folder} cannot be created: a file is in its place.`, {
      suggestions: ['Choose another folder, or move the file out of the way.'],
    });
  }
}
