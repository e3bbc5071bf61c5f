import { fileURLToPath } from 'node:url';

import type { Building } from './actions.js';

/** Frames to look through: the functions of a migration may call each other. */
const DEPTH = 30;

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

function callingLine(path: string): number | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = DEPTH;
  const { stack = '' } = new Error('where');
  Error.stackTraceLimit = limit;
  for (const frame of stack.split('\n').slice(1)) {
    const [, place = '', line] = /((?:file:\/\/|\/|[A-Za-z]:[\\/])[^()]*):(\d+):\d+\)?$/.exec(frame) ?? [];
    if (line !== undefined && (place.startsWith('file:') ? fileURLToPath(place) : place) === path) return Number(line);
  }
  return undefined;
}
