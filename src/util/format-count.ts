/** A whole number with thousands separators, the same in every locale. */
export function formatCount(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 tenant`, `2 tenants`, `1,998 tenants`; `many` is the plural where it is not the word with an s. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${value === 1 ? one : many}`;
}

/** `a, b, c`, and `…` for what comes after the third. */
export function firstFew(items: readonly string[]): string {
  return [...items.slice(0, 3), ...(items.length > 3 ? ['…'] : [])].join(', ');
}

/** `a`, `a or b`, `a, b or c`. */
export function orList(items: readonly string[]): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} or ${items.at(-1)}`;
}
