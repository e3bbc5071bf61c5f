import { appliedAsFiles, dueReplacements, partlyReplaced } from '../engine/replaced.js';
import type { MigrationFile } from '../engine/types.js';

/** Where one schema stands, judged by file names and applied names alone. */
export type SchemaState =
  | { kind: 'upToDate' }
  | { kind: 'pending'; pending: string[] }
  /** The database has migrations that are not on disk; with `replacedBy`, some of those that this file replaces, and not all. */
  | { kind: 'ahead'; unknown: string[]; replacedBy?: string }
  /** A file stands before one that is applied already; node-pg-migrate refuses such a schema. */
  | { kind: 'outOfOrder'; expected: string; found: string };

/**
 * Compares an applied list with the files of a directory, by node-pg-migrate's own rule: names are compared position by
 * position.
 *
 * @param checkOrder without it, whatever is not applied is pending and nothing else matters.
 */
export function compareWithFiles(
  files: readonly string[],
  applied: readonly string[],
  checkOrder: boolean,
): SchemaState {
  if (checkOrder) {
    const known = new Set(files);
    const unknown = applied.filter((name) => !known.has(name));
    if (unknown.length > 0) return { kind: 'ahead', unknown };
    for (const [index, found] of applied.entries()) {
      const expected = files[index];
      if (expected !== undefined && expected !== found) return { kind: 'outOfOrder', expected, found };
    }
  }
  const done = new Set(applied);
  const pending = files.filter((name) => !done.has(name));
  return pending.length === 0 ? { kind: 'upToDate' } : { kind: 'pending', pending };
}

/**
 * The same with files that take the place of others. Such a file is pending where all that it replaces is applied, too: nothing is run
 * then, and the rows are put right. Where only some of it is applied, the schema is ahead, whatever `checkOrder` says.
 */
export function compareWithMigrationFiles(
  files: readonly MigrationFile[],
  applied: readonly string[],
  checkOrder: boolean,
): SchemaState {
  const names = files.map(({ name }) => name);
  const partly = partlyReplaced(files, applied);
  if (partly !== undefined) {
    const known = new Set(names);
    return { kind: 'ahead', unknown: applied.filter((name) => !known.has(name)), replacedBy: partly.name };
  }
  const due = new Set(dueReplacements(files, applied).map(({ name }) => name));
  const state = compareWithFiles(names, appliedAsFiles(files, applied), checkOrder);
  if (due.size === 0 || (state.kind !== 'upToDate' && state.kind !== 'pending')) return state;
  const pending = new Set(state.kind === 'pending' ? state.pending : []);
  return { kind: 'pending', pending: names.filter((name) => due.has(name) || pending.has(name)) };
}

/** Applied names sorted as their files are; `undefined` where they are in that order, or some have no file. */
export function inFileOrder(files: readonly string[], applied: readonly string[]): string[] | undefined {
  const position = new Map(files.map((name, index) => [name, index]));
  const positions = applied.map((name) => position.get(name) ?? Infinity);
  if (positions.includes(Infinity)) return undefined;
  if (positions.every((one, index) => index === 0 || (positions[index - 1] ?? 0) <= one)) return undefined;
  return positions.sort((a, b) => a - b).map((one) => files[one] ?? '');
}

/** The part of what is pending that a target asks for. */
export function upTo(
  files: readonly string[],
  pending: readonly string[],
  target: { to: string } | { count: number } | undefined,
): string[] {
  if (target === undefined) return [...pending];
  if ('count' in target) return pending.slice(0, target.count);
  const wanted = new Set(files.slice(0, files.indexOf(target.to) + 1));
  return pending.filter((name) => wanted.has(name));
}
