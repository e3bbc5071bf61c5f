import { access } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import { readComments } from '../util/migration-comments.js';
import { migrationName } from '../util/migration-files.js';
import { listPaths } from './compile/list-paths.js';
import { markPhase, readPhase } from './phases.js';
import { withoutReplaced } from './replaced.js';
import type { MigrationFile, MigrationSource } from './types.js';

/**
 * The migration files of a directory, in node-pg-migrate's order, without those that another file replaces. Never runs a migration.
 *
 * Throws `MIGRATIONS_UNREADABLE` when the directory is missing or cannot be read, when a file has no number to be ordered
 * by, when two files share a name (the bookkeeping could not tell them apart), and when a file names a phase that there is not.
 */
export async function listMigrationFiles(source: MigrationSource): Promise<MigrationFile[]> {
  const formatted = source.format === undefined ? undefined : await listOtherFormat(source);
  if (formatted !== undefined) return formatted;
  const paths = await listPaths(source.directory, source.ignorePattern).catch(async (error: unknown) => {
    if (source.format === undefined && !isMissing(error)) await assertOwnFormat(source, []).catch(rethrowOurs);
    throw unreadable(source, error);
  });
  if (source.format === undefined) await assertOwnFormat(source, paths);
  const files = paths.map((path) => ({ name: migrationName(path), path }));
  assertDistinctNames(source, files);
  const comments = await readComments(
    source.directory,
    paths.map((path) => basename(path)),
  ).catch((error: unknown) => {
    throw unreadable(source, error);
  });
  const replaced = new Map(
    [...comments].flatMap(([name, { replaces }]) => (replaces.length === 0 ? [] : [[name, replaces]])),
  );
  return withoutReplaced(source.directory, files, replaced).map((file) =>
    markPhase(file, comments.get(file.name)?.phases ?? []),
  );
}

/** `undefined` where `auto` finds node-pg-migrate's own format. */
async function listOtherFormat(source: MigrationSource): Promise<MigrationFile[] | undefined> {
  const { listFormatted } = await import('./formats/list.js');
  const files = await listFormatted(source).catch((error: unknown) => {
    throw isTenantsError(error) ? error : unreadable(source, error);
  });
  if (files === undefined) return undefined;
  assertDistinctNames(source, files);
  return await Promise.all(files.map(async (file) => await readPhase(file)));
}

/** Most directories end here with a look at the names that were read anyway. */
async function assertOwnFormat(source: MigrationSource, paths: readonly string[]): Promise<void> {
  const odd = paths.length === 0 || paths.some((path) => LOOKS_FOREIGN.test(basename(path)));
  if (!odd && !(await isThere(join(source.directory, DRIZZLE_JOURNAL)))) return;
  const { assertNotForeign } = await import('./formats/foreign.js');
  await assertNotForeign(source);
}

/** Pairs, Flyway's versions, and Prisma's lock file where a pattern of the user's lets it through. */
const LOOKS_FOREIGN = /\.(?:up|down)\.sql$|^[VUR]\d*(?:[._]\d+)*__|\.toml$/;
/** Drizzle's SQL files look like everybody's. */
const DRIZZLE_JOURNAL = join('meta', '_journal.json');

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** What else is wrong with a directory is told by the error that came first. */
function rethrowOurs(error: unknown): void {
  if (isTenantsError(error)) throw error;
}

function unreadable({ directory }: MigrationSource, cause: unknown): TenantsError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT') {
    return new TenantsError('MIGRATIONS_UNREADABLE', `The migrations directory ${directory} does not exist.`, {
      suggestions: ['Create it, or correct the path in the configuration.'],
      cause,
    });
  }
  const suggestions = text.includes('numeric prefix')
    ? ['Give the file a number like its neighbours, or leave it out with `ignorePattern`.']
    : [];
  return new TenantsError('MIGRATIONS_UNREADABLE', `The migrations in ${directory} cannot be read: ${text}`, {
    suggestions,
    cause,
  });
}

function assertDistinctNames({ directory }: MigrationSource, files: MigrationFile[]): void {
  const seen = new Map<string, string>();
  const problems: string[] = [];
  for (const { name, path } of files) {
    const other = seen.get(name);
    if (other !== undefined) problems.push(`${basename(other)} and ${basename(path)} are both named ${name}`);
    seen.set(name, path);
  }
  if (problems.length === 0) return;
  throw new TenantsError(
    'MIGRATIONS_UNREADABLE',
    `Two migration files in ${directory} share a name: ${problems.join('; ')}.`,
    {
      problems,
      suggestions: ['Rename or remove one of them; a migration is known by its file name without extension.'],
    },
  );
}
