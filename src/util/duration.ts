import { formatCount } from './format-count.js';

const UNITS = new Map([
  ['', 1],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['min', 60_000],
  ['h', 3_600_000],
]);

/** PostgreSQL keeps its timeouts in a signed 32-bit number of milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * Reads a duration such as `5s`, `250ms`, `1.5m`, `2h` or `0`; a number, or digits alone, are milliseconds.
 *
 * Returns whole milliseconds, or `undefined` for anything that is no duration PostgreSQL could hold. What is above zero
 * never becomes zero, because zero means "no limit" to the server.
 */
export function parseDuration(value: string | number): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(String(value).trim());
  const unit = UNITS.get(match?.[2]?.toLowerCase() ?? 'none');
  if (match === null || unit === undefined) return undefined;
  const exact = Number(match[1]) * unit;
  const ms = exact > 0 ? Math.max(1, Math.round(exact)) : 0;
  return ms <= LONGEST ? ms : undefined;
}

/** ms in words: `0.3 s`, `12.4 s`, `3 min 5 s`, `2 h 4 min`. */
export function formatDuration(ms: number): string {
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
  return small === 0
    ? `${formatCount(large)} ${largeUnit}`
    : `${formatCount(large)} ${largeUnit} ${small} ${smallUnit}`;
}
