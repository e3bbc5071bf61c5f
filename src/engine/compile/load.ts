import { extname, join } from 'node:path';

import { createJiti } from 'jiti';
import {
  builtInLoaders,
  createDefaultMigrationLoader,
  type MigrationLoader,
  type MigrationLoaderStrategy,
} from 'node-pg-migrate/migrationLoader';

import { TenantsError } from '../../errors/tenants-error.js';
import { cacheFolder } from '../../util/cache-folder.js';
import type { MigrationFile, MigrationSource } from '../types.js';
import type { Actions } from './actions.js';

/** What each file exports, by path. */
export type LoadedMigrations = ReadonlyMap<string, Actions>;

/** By the first file of a listing: copies of the listing hold the same objects. */
const loaded = new WeakMap<MigrationFile, { paths: string; loading: Promise<LoadedMigrations> }>();

/**
 * Evaluates all files of a directory with node-pg-migrate's own loaders, once for each listing.
 *
 * node-pg-migrate would do it again on every call of its runner, and a direct migration calls it for every tenant: hand
 * over the same listing (or a copy of the array) each time. All files are needed, because a file may use the shorthands of an earlier one.
 * `evaluate` surrounds the evaluation of one file; it counts for the first call alone.
 *
 * Throws `MIGRATIONS_UNREADABLE` naming the file that fails; a failure is not remembered.
 */
export function loadMigrations(
  source: MigrationSource,
  files: readonly MigrationFile[],
  evaluate: <T>(file: MigrationFile, action: () => Promise<T>) => Promise<T> = (_file, action) => action(),
): Promise<LoadedMigrations> {
  const [first] = files;
  if (first === undefined) return Promise.resolve(new Map());
  const paths = JSON.stringify([source, ...files.map(({ path }) => path)]);
  const known = loaded.get(first);
  if (known?.paths === paths) return known.loading;
  const loading = loadAll(source, files, evaluate);
  loaded.set(first, { paths, loading });
  loading.catch(() => loaded.delete(first));
  return loading;
}

/** Loader strategies that hand node-pg-migrate what is loaded already, each file as `transform` makes it. */
export function loadedStrategies(
  files: readonly MigrationFile[],
  transform: (file: MigrationFile) => Actions,
): MigrationLoaderStrategy[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const loader: MigrationLoader = async (paths) =>
    paths.map((path) => {
      const file = byPath.get(path);
      if (file === undefined) throw changedMeanwhile(path);
      return { id: path, filePaths: [path], actions: transform(file) };
    });
  return [{ extensions: [...new Set(files.map(({ path }) => extname(path)))], loader }];
}

/** The base of a jiti instance decides where the search for a `tsconfig.json` begins: in the migrations directory. */
export function jitiBase({ directory }: MigrationSource): string {
  return join(directory, '_index.js');
}

export function isSqlFile({ path }: MigrationFile): boolean {
  return extname(path).toLowerCase() === '.sql';
}

/** The error for a file that cannot be evaluated. */
export function loadFailure({ name, path }: MigrationFile, cause: unknown): TenantsError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new TenantsError('MIGRATIONS_UNREADABLE', `Migration file ${path} cannot be loaded: ${text}`, {
    migration: name,
    file: path,
    cause,
    suggestions: missingModule(text),
  });
}

/** What to do about an import that is not found, in the words of Node.js and of jiti. */
function missingModule(text: string): string[] {
  const wanted = /^Cannot find (?:module|package) '([^']+)'/.exec(text)?.[1];
  if (wanted === undefined) return [];
  if (/^[./~#]|^[a-z]:\\/i.test(wanted)) {
    return ['Add the imported file, or set `tsconfigPaths` to true if the import is an alias of tsconfig.json.'];
  }
  const name = wanted.split('/', wanted.startsWith('@') ? 2 : 1).join('/');
  return [
    `Install ${name} where the migrations are, or set \`tsconfigPaths\` to true if the import is an alias of tsconfig.json.`,
  ];
}

async function loadAll(
  source: MigrationSource,
  files: readonly MigrationFile[],
  evaluate: <T>(file: MigrationFile, action: () => Promise<T>) => Promise<T>,
): Promise<LoadedMigrations> {
  const { tsconfigPaths } = source;
  const base = jitiBase(source);
  const script = createDefaultMigrationLoader(createJiti(base, { tsconfigPaths, fsCache: cacheFolder(base) }));
  const result = new Map<string, Actions>();
  for (const file of files) {
    const loader = isSqlFile(file) ? builtInLoaders.legacySql : script;
    try {
      const [unit] = await evaluate(file, () => loader([file.path]));
      result.set(file.path, unit?.actions ?? ({} as Actions));
    } catch (error) {
      throw loadFailure(file, error);
    }
  }
  return result;
}

function changedMeanwhile(path: string): TenantsError {
  return new TenantsError('MIGRATIONS_UNREADABLE', `Migration file ${path} appeared while the directory was read.`, {
    file: path,
    suggestions: ['Run the command again when nothing changes the migrations directory.'],
  });
}
