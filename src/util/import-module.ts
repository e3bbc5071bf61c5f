import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';

import { cacheFolder } from './cache-folder.js';

/** Files that Node.js 20 does not read itself. */
const TYPESCRIPT = new Set(['.ts', '.mts', '.cts']);

/** Imports a module of the project by its absolute path, in JavaScript or TypeScript. */
export async function importModule(file: string): Promise<unknown> {
  if (!TYPESCRIPT.has(extname(file).toLowerCase())) return await import(pathToFileURL(file).href);
  const { createJiti } = await import('jiti');
  // Others could write to a cache among the temporary files, and so have their code run.
  return await createJiti(file, { fsCache: cacheFolder(file) }).import(file);
}

/**
 * What a module exports under a name, or as its default: also where the default export of a CommonJS module holds the names.
 */
export function exportOf(module: unknown, name: string): unknown {
  if (typeof module !== 'object' || module === null) return module;
  const { default: standard, [name]: named } = module as Record<string, unknown>;
  if (named !== undefined) return named;
  if (typeof standard === 'object' && standard !== null && name in standard) {
    return (standard as Record<string, unknown>)[name];
  }
  if (typeof standard === 'object' && standard !== null && 'default' in standard) return standard.default;
  return standard;
}
