import { fileURLToPath } from 'node:url';

/** Frames to look through: the functions of a migration may call each other. */
const DEPTH = 30;

/** The line of a file from which the present call came; `undefined` when the file is not among the callers. */
export function callingLine(path: string): number | undefined {
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
