/** What to record of a history: names in the order of the files, or why it cannot be taken over. */
export type Adoption = { names: string[] } | { problems: string[] };

/**
 * Decides what is recorded for a schema that has `applied` already and whose other history holds `history`. Pure.
 *
 * Together they must be the beginning of the files, or the schema would be out of order ever after; without `checkOrder`
 * that does not matter.
 */
export function decideAdoption(
  files: readonly string[],
  applied: readonly string[],
  history: readonly string[],
  checkOrder: boolean,
): Adoption {
  const has = new Set([...applied, ...history]);
  const gap = files.findIndex((name) => !has.has(name));
  const after = gap === -1 ? undefined : files.slice(gap).find((name) => has.has(name));
  if (checkOrder && after !== undefined) {
    return { problems: [`${after} was applied, but not ${files[gap]}, which comes before it`] };
  }
  const known = new Set(applied);
  const adopted = new Set(history);
  return { names: files.filter((name) => adopted.has(name) && !known.has(name)) };
}
