import type { Building } from './actions.js';
import { callingLine } from './query-builders/calling-line.js';

/**
 * Notices from which line of its file a migration calls its builder; the loader keeps the lines of what it transpiles. Must be
 * called before the migration is built.
 *
 * @returns a function that gives the line of each step, in the order of the steps
 */
export function watchCalls({ pgm, file, reverse }: Building): () => (number | undefined)[] {
  const lines: (number | undefined)[] = [];
  const watched = Object.entries(pgm).flatMap(([name, method]: [string, unknown]) => {
    if (typeof method !== 'function') return [];
    const call = (...args: unknown[]): unknown => {
      const result: unknown = Reflect.apply(method, pgm, args);
      const made = pgm.getSqlSteps().length;
      if (made > lines.length) {
        const line = callingLine(file.path);
        while (lines.length < made) lines.push(line);
      }
      return result;
    };
    return [[name, call] as const];
  });
  Object.assign(pgm, Object.fromEntries(watched));
  return () => (reverse ? lines.toReversed() : lines);
}
