import { formatCount } from '../../util/format-count.js';
import { clean } from './clean.js';
import { displayWidth } from './display-width.js';

/** The first names, cleaned, and the number of others; `total` may be more than the names that were passed. */
export function listed(names: readonly string[], limit = 10, total = names.length): string {
  const shown = names.slice(0, limit).map(clean);
  const more = total - shown.length;
  if (shown.length === 0) return more > 0 ? formatCount(more) : '';
  return more > 0 ? `${shown.join(', ')} and ${formatCount(more)} more` : shown.join(', ');
}

/** As many names (at least one) as fit into a number of columns, and the number of others. */
export function listedWithin(names: readonly string[], columns: number, total = names.length): string {
  for (let limit = Math.min(names.length, columns); limit > 1; limit--) {
    const text = listed(names, limit, total);
    if (displayWidth(text) <= columns) return text;
  }
  return listed(names, 1, total);
}
