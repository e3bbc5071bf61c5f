import { TenantsError } from '../errors/tenants-error.js';
import type { CompiledMigration, Direction, MigrationFile } from './types.js';
import { withoutStatements } from './without-statements.js';

/**
 * Marks the files that take the place of others, and leaves out those whose place is taken. Pure.
 *
 * @param replaced by the name of the file that takes the place
 * @throws TenantsError MIGRATIONS_UNREADABLE where two files replace the same migration, or a file replaces itself.
 */
export function withoutReplaced(
  directory: string,
  files: readonly MigrationFile[],
  replaced: ReadonlyMap<string, string[]>,
): MigrationFile[] {
  if (replaced.size === 0) return [...files];
  const by = new Map<string, string>();
  for (const [name, names] of replaced) {
    for (const one of names) {
      const other = by.get(one);
      if (one !== name && other === undefined) by.set(one, name);
      else throw contradiction(directory, one, name, other ?? name);
    }
  }
  return files
    .filter(({ name }) => !by.has(name))
    .map((file) => {
      const replaces = replaced.get(file.name);
      return replaces === undefined ? file : { ...file, replaces };
    });
}

function contradiction(directory: string, replaced: string, one: string, other: string): TenantsError {
  const who = one === other ? `${one} says that it replaces itself` : `${one} and ${other} both replace ${replaced}`;
  return new TenantsError('MIGRATIONS_UNREADABLE', `The migrations in ${directory} contradict each other: ${who}.`, {
    suggestions: ['Correct the comments "-- tenants: replaces …"; a migration is replaced by one file.'],
  });
}

/** How a list of applied migrations relates to a file that replaces some: it has all of them, or only some. */
function standing({ name, replaces }: MigrationFile, applied: ReadonlySet<string>): 'whole' | 'partly' | undefined {
  if (replaces === undefined || applied.has(name)) return undefined;
  const count = replaces.filter((one) => applied.has(one)).length;
  return count === 0 ? undefined : count === replaces.length ? 'whole' : 'partly';
}

/** Files that take the place of migrations which are all applied, while their own row is not written yet. Pure. */
export function dueReplacements(files: readonly MigrationFile[], applied: readonly string[]): MigrationFile[] {
  const names = new Set(applied);
  return files.filter((file) => standing(file, names) === 'whole');
}

/** The first file that takes the place of migrations of which only some are applied. Pure. */
export function partlyReplaced(files: readonly MigrationFile[], applied: readonly string[]): MigrationFile | undefined {
  const names = new Set(applied);
  return files.find((file) => standing(file, names) === 'partly');
}

/** Applied names as the files have them: a file counts as applied where all that it replaces is. Pure. */
export function appliedAsFiles(files: readonly MigrationFile[], applied: readonly string[]): readonly string[] {
  return dueReplacements(files, applied).reduce<readonly string[]>(
    (list, { name, replaces = [] }) => replaceNames(list, name, replaces),
    applied,
  );
}

/** A list in which one name stands where the last of those that it replaces stood. Pure. */
function replaceNames(applied: readonly string[], name: string, replaces: readonly string[]): string[] {
  const gone = new Set(replaces);
  const last = applied.findLast((one) => gone.has(one));
  return applied.flatMap((one) => (one === last ? [name] : gone.has(one) ? [] : [one]));
}

/** The applied list after migrations ran in a direction. Pure. */
export function appliedAfterMigrations(
  applied: readonly string[],
  migrations: readonly CompiledMigration[],
  direction: Direction,
): string[] {
  const removed = new Set(direction === 'down' ? migrations.map(({ name }) => name) : []);
  return migrations.reduce<string[]>(
    (list, { name, replaces }) => {
      if (direction === 'down') return list;
      return replaces === undefined ? [...list, name] : replaceNames(list, name, replaces);
    },
    applied.filter((name) => !removed.has(name)),
  );
}

/** What becomes of a schema that has all that a file replaces: nothing is run, and its rows are put right. */
export function replacingMigration(file: MigrationFile, applied: readonly string[]): CompiledMigration {
  const gone = new Set(file.replaces);
  return { ...withoutStatements({ ...file, direction: 'up' }), replaces: applied.filter((name) => gone.has(name)) };
}
