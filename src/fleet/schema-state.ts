/** Where one schema stands, judged by file names and applied names alone. */
export type SchemaState =
  | { kind: 'upToDate' }
  | { kind: 'pending'; pending: string[] }
  /** The database has migrations that are not on disk. */
  | { kind: 'ahead'; unknown: string[] }
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
