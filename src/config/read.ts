import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { TenantsError } from '../errors/tenants-error.js';
import { cacheFolder } from '../util/cache-folder.js';
import { isPlainObject, JsonSyntaxError, parseJson } from '../util/json.js';
import { redact } from '../util/redact.js';
import { defineConfig } from './define-config.js';

const MODULES = new Set(['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs']);

/**
 * What a configuration file says, unchecked but for being an object. `file` is absolute.
 *
 * `$schema`, by which editors find the schema, is left out. A module may export an object or a function, async or not, that
 * returns one. Whatever goes wrong on the way is `CONFIG_INVALID` with the file's name; no content of the file gets into the
 * message.
 */
export async function readConfig(file: string): Promise<Record<string, unknown>> {
  const value = await readAny(file);
  if (isPlainObject(value)) return withoutSchemaKey(value);
  throw invalid(file, `it must hold a configuration object, but holds ${kindOf(value)}`, [
    'Export the object as default: export default defineConfig({ … })',
  ]);
}

function withoutSchemaKey({ $schema: _schema, ...config }: Record<string, unknown>): Record<string, unknown> {
  return config;
}

async function readAny(file: string): Promise<unknown> {
  const extension = path.extname(file).toLowerCase();
  if (extension === '.json') return readJson(file);
  if (MODULES.has(extension)) return readModule(file);
  throw invalid(file, 'its name must end in .ts, .js, .mjs, .cjs, .mts, .cts or .json');
}

async function readJson(file: string): Promise<unknown> {
  let content: unknown;
  try {
    content = parseJson(await readFile(file, 'utf8'));
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw invalid(file, `it is not valid JSON, ${error.message}`, [], error.line);
    throw invalid(file, `it cannot be read, ${messageOf(error)}`);
  }
  if (path.basename(file) !== 'package.json') return content;
  const key = isPlainObject(content) ? content['tenants'] : undefined;
  if (key === undefined) throw invalid(file, 'it has no "tenants" key');
  return key;
}

/**
 * `pg-tenants` is answered by this copy of the package, wherever it is installed, because a project that runs the
 * command from elsewhere has none of its own. jiti's `alias` would also catch subpaths such as `pg-tenants/runtime`.
 */
async function readModule(file: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  const jiti = createJiti(file, { fsCache: cacheFolder(file), virtualModules: { 'pg-tenants': { defineConfig } } });
  try {
    const exported = defaultExport(await jiti.import(file));
    return typeof exported === 'function' ? await (exported as () => unknown)() : exported;
  } catch (error) {
    throw invalid(file, `it cannot be loaded, ${messageOf(error)}`);
  }
}

/** jiti gives a CommonJS module's `module.exports` itself, and for a default export of `undefined` the module once more. */
function defaultExport(module: unknown): unknown {
  if (typeof module !== 'object' || module === null) return module;
  if ('default' in module) {
    return isPlainObject(module.default) && 'default' in module.default ? undefined : module.default;
  }
  return '__esModule' in module ? undefined : module;
}

/** The first line of what was thrown; what follows in loaders' messages are stacks of modules. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return redact(message.split('\nRequire stack:')[0]?.replace(/\s+/g, ' ').trim() ?? '');
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing (no default export)';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return `a ${typeof value}`;
}

function invalid(file: string, what: string, suggestions: string[] = [], line?: number): TenantsError {
  return new TenantsError('CONFIG_INVALID', `The configuration file ${file} cannot be used: ${what}.`, {
    file,
    suggestions,
    ...(line === undefined ? {} : { line }),
  });
}
