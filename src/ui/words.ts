import { clean } from './clean.js';
import { displayWidth } from './text.js';

/** A whole number with thousands separators, the same in every locale. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 tenant`, `2,000 tenants`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** The first names, cleaned, and how many there are beyond; `total` counts more names than were handed over. */
export function listed(names: readonly string[], limit = 10, total = names.length): string {
  const shown = names.slice(0, limit).map(clean);
  const more = total - shown.length;
  if (shown.length === 0) return more > 0 ? count(more) : '';
  return more > 0 ? `${shown.join(', ')} and ${count(more)} more` : shown.join(', ');
}

/** As many names (at least one) as fit into a number of columns, and how many there are beyond. */
export function listedWithin(names: readonly string[], columns: number, total = names.length): string {
  for (let limit = Math.min(names.length, columns); limit > 1; limit--) {
    const text = listed(names, limit, total);
    if (displayWidth(text) <= columns) return text;
  }
  return listed(names, 1, total);
}

/** ms in words: `0.3 s`, `12.4 s`, `3 min 5 s`, `2 h 4 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 0.05) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  return longDuration(Math.round(seconds));
}

/** Time left in ms, in whole seconds or coarser, because it is a guess. */
export function roughDuration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return seconds < 60 ? `${seconds} s` : longDuration(seconds);
}

function longDuration(seconds: number): string {
  if (seconds < 3600) return joinUnits(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  return joinUnits(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
}

function joinUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${count(large)} ${largeUnit}` : `${count(large)} ${largeUnit} ${small} ${smallUnit}`;
}
