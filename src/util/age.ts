const HOUR = 3_600_000;

const UNITS = new Map([
  ['h', HOUR],
  ['d', 24 * HOUR],
  ['w', 7 * 24 * HOUR],
  ['mo', 30 * 24 * HOUR],
  ['y', 365 * 24 * HOUR],
]);

/** Reads an age such as `12h`, `90d`, `6w`, `3mo` (of 30 days) or `1y`, in ms; `undefined` for anything else. */
export function parseAge(text: string): number | undefined {
  const match = /^(\d{1,6})\s*(h|d|w|mo|y)$/i.exec(text.trim());
  const unit = UNITS.get(match?.[2]?.toLowerCase() ?? '');
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}
