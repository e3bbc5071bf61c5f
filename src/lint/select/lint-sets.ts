import { realpath, stat } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';

import { listMigrationFiles } from '../../engine/files.js';
import type { MigrationFile, MigrationSource } from '../../engine/types.js';
import { isTenantsError, TenantsError } from '../../errors/tenants-error.js';
import { sharedSource, tenantSource, tenantTypes } from '../../fleet/migration-sources.js';
import type { LintOptions, LintProject, LintSet } from '../types.js';
import { changedFiles } from './changed-files.js';

/**
 * The migrations to look at, by directory: all of the project, or those that paths name and that git says have changed. A path
 * outside the project's directories is taken for tenant migrations.
 *
 * @throws TenantsError USAGE for a path that does not exist or has no migrations, and for what keeps git from answering;
 *   MIGRATIONS_UNREADABLE.
 */
export async function lintSets(
  project: LintProject,
  { paths, since, cwd = project.root }: LintOptions,
): Promise<LintSet[]> {
  const own = await projectSets(project, paths !== undefined && paths.length > 0);
  const sets = paths === undefined || paths.length === 0 ? own : await namedSets(project, own, paths, cwd);
  if (since === undefined) return sets;
  const changed = await changedFiles(project.root, since);
  return await Promise.all(
    sets.map((set) => keep(set, async (file) => (await pathsOf(file)).some((path) => changed.has(path)))),
  );
}

/** @param lenient directories that do not exist are left out */
async function projectSets(project: LintProject, lenient: boolean): Promise<LintSet[]> {
  const types = tenantTypes(project);
  const wanted = [
    { schema: 'shared' as const, type: null, source: sharedSource(project) },
    ...types.map((type) => ({ schema: 'tenant' as const, type, source: tenantSource(project, type) })),
  ];
  const sets = await Promise.all(
    wanted.map(async (one): Promise<LintSet[]> => {
      const files = await listed(one.source, lenient);
      return files === undefined ? [] : [{ ...one, files, wanted: new Set(files.map(({ name }) => name)) }];
    }),
  );
  return sets.flat();
}

async function listed(source: MigrationSource, lenient: boolean): Promise<MigrationFile[] | undefined> {
  try {
    return await listMigrationFiles(source);
  } catch (error) {
    const isMissing = isTenantsError(error) && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    if (lenient && isMissing) return undefined;
    throw error;
  }
}

async function namedSets(
  project: LintProject,
  own: LintSet[],
  paths: readonly string[],
  cwd: string,
): Promise<LintSet[]> {
  const known = await existing(paths, cwd);
  const named = new Map<LintSet, Set<string>>(own.map((set) => [set, new Set()]));
  const others: LintSet[] = [];
  for (const { given, path, isFolder } of known) {
    let found = false;
    for (const set of own) {
      for (const file of set.files) {
        if (!(await pathsOf(file)).some((one) => isWithin(path, one))) continue;
        named.get(set)?.add(file.name);
        found = true;
      }
    }
    if (!found) others.push(await strayFiles(project, given, path, isFolder));
  }
  return [...own.map((set) => ({ ...set, wanted: named.get(set) ?? new Set<string>() })), ...others];
}

type NamedPath = { given: string; path: string; isFolder: boolean };

async function existing(paths: readonly string[], cwd: string): Promise<NamedPath[]> {
  const unknown: string[] = [];
  const known: NamedPath[] = [];
  for (const given of paths) {
    try {
      const path = await realpath(resolve(cwd, given));
      known.push({ given, path, isFolder: (await stat(path)).isDirectory() });
    } catch {
      unknown.push(given);
    }
  }
  if (unknown.length === 0) return known;
  throw new TenantsError('USAGE', `There is no file or folder ${unknown.join(', ')}.`, {
    suggestions: [
      'Paths are relative to the current folder. Without paths, all migrations of the project are looked at.',
    ],
  });
}

async function strayFiles(project: LintProject, given: string, path: string, isFolder: boolean): Promise<LintSet> {
  const source = { ...tenantSource(project, null), directory: isFolder ? path : dirname(path) };
  const files = await listMigrationFiles(source);
  const wanted = files.filter((file) => isFolder || file.path === path);
  if (wanted.length === 0) {
    throw new TenantsError('USAGE', `${given} ${isFolder ? 'has no migration files' : 'is no migration file'}.`, {
      suggestions: ['Migrations are .sql, .js, .mjs, .cjs and .ts files that ignorePattern does not match.'],
    });
  }
  return { schema: 'tenant', type: null, source, files, wanted: new Set(wanted.map(({ name }) => name)) };
}

/** The way down has a file of its own in some formats. */
async function pathsOf({ path, downPath }: MigrationFile): Promise<string[]> {
  return await Promise.all([path, ...(downPath === undefined ? [] : [downPath])].map((one) => realpath(one)));
}

function isWithin(path: string, file: string): boolean {
  const way = relative(path, file);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && resolve(path, way) === file);
}

async function keep(set: LintSet, isKept: (file: MigrationFile) => Promise<boolean>): Promise<LintSet> {
  const kept = await Promise.all(set.files.map(async (file) => set.wanted.has(file.name) && (await isKept(file))));
  return { ...set, wanted: new Set(set.files.filter((_, index) => kept[index]).map(({ name }) => name)) };
}
