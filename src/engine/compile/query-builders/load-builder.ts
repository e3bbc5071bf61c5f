import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createJiti } from 'jiti';

import { TenantsError } from '../../../errors/tenants-error.js';
import { TITLES } from '../../formats/foreign.js';
import type { BuilderFormat, MigrationSource } from '../../types.js';
import { jitiBase } from '../load.js';
import type { QueryBuilder } from './types.js';

const ADAPTERS: Record<
  BuilderFormat,
  (module: unknown, root: string, directory: string) => Promise<QueryBuilder | undefined>
> = {
  knex: async (module, root, directory) => {
    const [{ knexBuilder }, { knexSettings }] = await Promise.all([import('./knex.js'), import('./knex-settings.js')]);
    return knexBuilder(module, root, await knexSettings(directory));
  },
  kysely: async (module, root) => (await import('./kysely.js')).kyselyBuilder(module, root),
};

/** By package file and directory: a process loads each once. */
const loaded = new Map<string, Promise<QueryBuilder>>();

/**
 * The project's own query builder, as its migrations would find it.
 *
 * @throws TenantsError FORMAT_UNAVAILABLE when it is not installed, or not in a version that can be used, with the command that
 *   installs it.
 */
export async function loadBuilder(format: BuilderFormat, source: MigrationSource): Promise<QueryBuilder> {
  const found = createJiti(jitiBase(source)).esmResolve(format, { try: true });
  if (found === undefined) {
    throw unavailable(format, `is not installed: nothing of that name is found from ${source.directory}`);
  }
  const key = `${found}\0${source.directory}`;
  const known = loaded.get(key);
  if (known !== undefined) return await known;
  const loading = load(format, found, source.directory);
  loaded.set(key, loading);
  loading.catch(() => loaded.delete(key));
  return await loading;
}

async function load(format: BuilderFormat, found: string, directory: string): Promise<QueryBuilder> {
  const root = await packageRoot(format, found.startsWith('file:') ? fileURLToPath(found) : found);
  let module: unknown;
  try {
    module = await import(found);
  } catch (error) {
    throw unavailable(format, `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  const builder = await ADAPTERS[format](module, root, directory);
  if (builder === undefined) throw unavailable(format, `in ${root} is of a version that is not supported`);
  return builder;
}

/** The folder above a file of a package that has the package's own package.json; others may lie between. */
async function packageRoot(name: string, file: string): Promise<string> {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}');
    if ((JSON.parse(text) as { name?: unknown }).name === name) return folder;
  }
  return dirname(file);
}

function unavailable(format: BuilderFormat, why: string, cause?: unknown): TenantsError {
  return new TenantsError(
    'FORMAT_UNAVAILABLE',
    `The migrations have the format of ${TITLES[format]}, whose package ${format} ${why}.`,
    { suggestions: [`Run in the project: npm install ${format}`], cause },
  );
}
