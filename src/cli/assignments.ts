import { TenantsError } from '../errors/tenants-error.js';

/**
 * Parses `column=value` pairs. A value may contain anything, including `=` and commas, or be empty. Pure.
 *
 * @throws TenantsError USAGE for a pair without `=`, without a column, or for a column that is set twice.
 */
export function assignments(pairs: readonly string[] = []): Record<string, string> {
  const values = new Map<string, string>();
  for (const pair of pairs) {
    const [, column, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (column === undefined || value === undefined) {
      throw new TenantsError('USAGE', '--set needs the form column=value.', {
        suggestions: ['For example: --set plan=gold --set seats=25'],
      });
    }
    if (values.has(column)) throw new TenantsError('USAGE', `--set specifies the column "${column}" twice.`);
    values.set(column, value);
  }
  return Object.fromEntries(values);
}
