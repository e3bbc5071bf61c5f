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

/** A duration in ms for people: `820 ms`, `12.4 s`, `3 min 05 s`, `2 h 07 min`. */
export function formatDuration(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`;
  const minutes = Math.round(ms / 60_000);
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
