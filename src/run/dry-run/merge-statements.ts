import type { TriedStatement } from './types.js';

/**
 * The statements of several tenants as one list: the longest time and the most WAL of each, and all locks that some tenant's took.
 * Statements correspond by migration and position, because a migration may write names of its own into each. Pure.
 */
export function mergeStatements(lists: readonly (readonly TriedStatement[])[]): TriedStatement[] {
  const merged = new Map<string, TriedStatement>();
  for (const list of lists) {
    const places = new Map<string, number>();
    for (const one of list) {
      const place = places.get(one.migration) ?? 0;
      places.set(one.migration, place + 1);
      const key = JSON.stringify([one.migration, place]);
      const known = merged.get(key);
      merged.set(key, known === undefined ? one : combine(known, one));
    }
  }
  return [...merged.values()];
}

function combine(one: TriedStatement, other: TriedStatement): TriedStatement {
  const more = other.locks.filter(
    ({ object, mode }) => !one.locks.some((lock) => lock.object === object && lock.mode === mode),
  );
  return {
    ...one,
    ms: Math.max(one.ms, other.ms),
    locks: [...one.locks, ...more],
    rewrites: one.rewrites || other.rewrites,
    walBytes: Math.max(one.walBytes, other.walBytes),
  };
}
