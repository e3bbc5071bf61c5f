import type { Cohort } from '../fleet/cohorts.js';

/** How far a rollback goes: a number of migrations, or everything that came after one of them. */
export type UndoTarget = { to: string } | { count: number };

/**
 * The applied migrations that a rollback undoes, newest first, as node-pg-migrate would. It is always the end of the applied
 * list, in the order of its rows, so that nothing is undone on which something that stays was built.
 *
 * After `to` comes what was applied after it; in a schema that does not have it, what stands after it among the files.
 *
 * @param files names of the directory, in order; `to` is one of them.
 */
export function toUndo(applied: readonly string[], files: readonly string[], target: UndoTarget): string[] {
  return applied.slice(firstToUndo(applied, files, target)).toReversed();
}

/** What of a cohort is undone; `undefined` when it cannot be told where the cohort stands. */
export function cohortToUndo(cohort: Cohort, files: readonly string[], target: UndoTarget): string[] | undefined {
  const { state, applied, asFiles = applied } = cohort;
  switch (state.kind) {
    case 'missing':
    case 'unreadable':
    case 'unknownType':
      return undefined;
    case 'upToDate':
    case 'pending':
    case 'ahead':
    case 'outOfOrder':
      return toUndo(asFiles, files, target);
    default:
      return state satisfies never;
  }
}

function firstToUndo(applied: readonly string[], files: readonly string[], target: UndoTarget): number {
  if ('count' in target) return Math.max(0, applied.length - target.count);
  if (applied.includes(target.to)) return applied.indexOf(target.to) + 1;
  const before = new Set(files.slice(0, files.indexOf(target.to)));
  return applied.findLastIndex((name) => before.has(name)) + 1;
}
