/** Failures after which no more work is begun: a number, or a share such as `2%`. */
export type FailureBudget = number | string | undefined;

/** The number of failures among `total` that ends the work. A share is at least one failure. */
export function failuresAllowed(budget: FailureBudget, total: number): number | undefined {
  if (typeof budget !== 'string') return budget;
  return Math.max(1, Math.ceil(total * (shareOf(budget) ?? 1)));
}

/** `5%` as a number; `undefined` for what is no percentage. */
export function shareOf(text: string): number | undefined {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  return percent === undefined ? undefined : Number(percent) / 100;
}
