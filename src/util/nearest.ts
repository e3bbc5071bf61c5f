import { orList } from './format-count.js';

/** `Did you mean "a"?` or `Did you mean "a" or "b"?`: a sentence, or none where nothing is near. */
export function didYouMean(near: readonly string[]): string[] {
  return near.length === 0 ? [] : [`Did you mean ${orList(near.map((name) => `"${name}"`))}?`];
}

/**
 * The candidates that a mistyped name may have meant, nearest first, at most `max` of them.
 *
 * Near is: equal but for case, the beginning of the candidate (from three characters on), or at most a third of the
 * letters different.
 */
export function nearestNames(name: string, candidates: Iterable<string>, max = 3): string[] {
  const wanted = name.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const found: { candidate: string; distance: number }[] = [];
  for (const candidate of candidates) {
    const other = candidate.toLowerCase();
    const distance =
      wanted.length >= 3 && other.startsWith(wanted) && other !== wanted ? 1 : editDistance(wanted, other, limit);
    if (distance <= limit && candidate !== name) found.push({ candidate, distance });
  }
  found.sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1));
  return found.slice(0, max).map(({ candidate }) => candidate);
}

/**
 * Levenshtein distance in which two letters that changed places count once (optimal string alignment); gives up with
 * `limit + 1` as soon as it is certain to be above `limit`.
 */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          at(previous, column - 1) + (same ? 0 : 1),
          at(previous, column) + 1,
          at(current, column - 1) + 1,
          swapped ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    if (Math.min(...current) > limit) return limit + 1;
    [before, previous] = [previous, current];
  }
  return at(previous, b.length);
}

function at(row: number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
