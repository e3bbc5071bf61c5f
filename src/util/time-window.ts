/** A part of every day, by the clocks of a time zone. It may go past midnight. */
export type TimeWindow = {
  /** Minutes since midnight. */
  from: number;
  to: number;
  /** Name of the IANA database. */
  zone: string;
};

export const WINDOW_FORM = "times of day and a time zone, such as '22:00-05:00 Europe/Berlin'";

const MINUTE_MS = 60_000;
/** The longest way to the next opening: a day, and the hour that some days have more. */
const LONGEST_MINUTES = 26 * 60;

/** Reads `22:00-05:00 Europe/Berlin`; without a zone, that of this machine is meant. `undefined` for anything else. */
export function parseTimeWindow(text: string): TimeWindow | undefined {
  const match = /^(\d{1,2}:\d\d)\s*[-–]\s*(\d{1,2}:\d\d)(?:\s+(\S+))?$/.exec(text.trim());
  const [from, to] = [minutesOf(match?.[1]), minutesOf(match?.[2])];
  const zone = match?.[3] ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (from === undefined || to === undefined || from === to || from === 24 * 60 || !isZone(zone)) return undefined;
  return { from, to, zone };
}

/** Whether a moment, in ms since 1970, is inside. Clocks decide, so that a day with a changed clock needs no care. */
export function isInside(window: TimeWindow, at: number): boolean {
  const { from, to } = window;
  const minute = minuteOfDay(window.zone, at);
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/** ms until it opens next, to the minute; 0 when it is open. */
export function msUntilOpen(window: TimeWindow, at: number): number {
  if (isInside(window, at)) return 0;
  const next = at - (at % MINUTE_MS);
  for (let minutes = 1; minutes < LONGEST_MINUTES; minutes += 1) {
    const then = next + minutes * MINUTE_MS;
    if (isInside(window, then)) return then - at;
  }
  return LONGEST_MINUTES * MINUTE_MS;
}

/** `22:00-05:00 Europe/Berlin`. */
export function formatWindow({ from, to, zone }: TimeWindow): string {
  return `${clock(from)}-${clock(to)} ${zone}`;
}

/** What the clocks of the zone show: `14:03`. */
export function clockIn(zone: string, at: number): string {
  return clock(minuteOfDay(zone, at));
}

function minuteOfDay(zone: string, at: number): number {
  const parts = clocksOf(zone).formatToParts(at);
  const part = (type: 'hour' | 'minute'): number => Number(parts.find((one) => one.type === type)?.value);
  return part('hour') * 60 + part('minute');
}

const known = new Map<string, Intl.DateTimeFormat>();

function clocksOf(zone: string): Intl.DateTimeFormat {
  const made =
    known.get(zone) ??
    new Intl.DateTimeFormat('en-US', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  known.set(zone, made);
  return made;
}

function isZone(zone: string): boolean {
  try {
    clocksOf(zone);
    return true;
  } catch {
    return false;
  }
}

function minutesOf(text: string | undefined): number | undefined {
  const [hours = Number.NaN, minutes = Number.NaN] = (text ?? '').split(':').map(Number);
  const sum = hours * 60 + minutes;
  return minutes < 60 && sum <= 24 * 60 ? sum : undefined;
}

function clock(minutes: number): string {
  return [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0')).join(':');
}
