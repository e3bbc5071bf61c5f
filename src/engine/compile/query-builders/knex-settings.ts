import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { TenantsError } from '../../../errors/tenants-error.js';
import { importModule } from '../../../util/import-module.js';

/** What of a knexfile decides how names are written, and what answers look like. */
export type KnexSettings = { wrapIdentifier?: unknown; postProcessResponse?: unknown };

const FILES = ['knexfile.js', 'knexfile.cjs', 'knexfile.mjs', 'knexfile.ts'];
/** Objection's `knexSnakeCaseMappers()` gives both settings. */
const MENTIONS = /\bwrapIdentifier\b|SnakeCaseMappers\b/;

/**
 * The settings for names of the knexfile that is nearest above a directory, in the same package: without them migrations would
 * make columns of other names than Knex itself does. A knexfile that has none is not run.
 *
 * Of several environments the first one counts that has them; nobody writes names in two ways.
 *
 * @throws TenantsError FORMAT_UNAVAILABLE when the knexfile has such settings and cannot be loaded.
 */
export async function knexSettings(directory: string): Promise<KnexSettings> {
  const file = await findKnexfile(directory);
  if (file === undefined) return {};
  let config: unknown;
  try {
    const module = (await importModule(file)) as { default?: unknown };
    const exported = module.default ?? module;
    config = typeof exported === 'function' ? await (exported as () => unknown)() : exported;
  } catch (error) {
    throw new TenantsError(
      'FORMAT_UNAVAILABLE',
      `${file} says how names are written, and cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
      { file, cause: error },
    );
  }
  const candidates = [config, ...(isObject(config) ? Object.values(config) : [])];
  const found = candidates.find((one) => isObject(one) && typeof one['wrapIdentifier'] === 'function');
  if (!isObject(found)) return {};
  const { wrapIdentifier, postProcessResponse } = found;
  return { wrapIdentifier, ...(typeof postProcessResponse === 'function' ? { postProcessResponse } : {}) };
}

async function findKnexfile(directory: string): Promise<string | undefined> {
  for (let folder = directory; ; folder = dirname(folder)) {
    for (const name of FILES) {
      const text = await readFile(join(folder, name), 'utf8').catch(() => undefined);
      if (text !== undefined) return MENTIONS.test(text) ? join(folder, name) : undefined;
    }
    const isRoot = await readFile(join(folder, 'package.json')).then(
      () => true,
      () => false,
    );
    if (isRoot || folder === dirname(folder)) return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
