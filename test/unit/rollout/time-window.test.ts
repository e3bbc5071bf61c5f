import { describe, expect, it } from 'vitest';

import { clockIn, formatWindow, isInside, msUntilOpen, parseTimeWindow } from '../../../src/util/time-window.js';

function window(text: string) {
  const parsed = parseTimeWindow(text);
  if (parsed === undefined) throw new Error(`${text} is no window`);
  return parsed;
}

const at = (iso: string): number => Date.parse(iso);

describe('a window', () => {
  it.each([
    ['22:00-05:00 Europe/Berlin', '22:00-05:00 Europe/Berlin'],
    [' 9:30 – 17:00  America/New_York ', '09:30-17:00 America/New_York'],
    ['00:00-24:00 UTC', '00:00-24:00 UTC'],
  ])('%s is read', (text, shown) => {
    expect(formatWindow(window(text))).toBe(shown);
  });

  it('without a zone is one of this machine', () => {
    expect(window('22:00-05:00').zone).toBe(new Intl.DateTimeFormat().resolvedOptions().timeZone);
  });

  it.each([
    '',
    '22-5',
    '22:00',
    '25:00-05:00',
    '22:60-05:00',
    '24:00-05:00',
    '22:00-22:00',
    '22:00-05:00 Mars/Base',
    '22:00-05:00 a b',
  ])('"%s" is none', (text) => {
    expect(parseTimeWindow(text)).toBeUndefined();
  });

  it.each([
    // Winter: UTC+1. Summer: UTC+2.
    ['22:00-05:00 Europe/Berlin', '2026-01-15T20:59:59Z', false],
    ['22:00-05:00 Europe/Berlin', '2026-01-15T21:00:00Z', true],
    ['22:00-05:00 Europe/Berlin', '2026-01-16T03:59:59Z', true],
    ['22:00-05:00 Europe/Berlin', '2026-01-16T04:00:00Z', false],
    ['22:00-05:00 Europe/Berlin', '2026-07-15T20:00:00Z', true],
    ['22:00-05:00 Europe/Berlin', '2026-07-16T03:00:00Z', false],
    ['09:00-17:00 Asia/Kolkata', '2026-01-15T03:29:00Z', false],
    ['09:00-17:00 Asia/Kolkata', '2026-01-15T03:30:00Z', true],
    // The night in which 02:00 becomes 03:00, and the one in which 03:00 becomes 02:00.
    ['02:30-03:30 Europe/Berlin', '2026-03-29T00:59:00Z', false],
    ['02:30-03:30 Europe/Berlin', '2026-03-29T01:00:00Z', true],
    ['02:30-03:30 Europe/Berlin', '2026-03-29T01:30:00Z', false],
    ['01:00-02:30 Europe/Berlin', '2026-10-25T00:29:00Z', true],
    ['01:00-02:30 Europe/Berlin', '2026-10-25T00:30:00Z', false],
    ['01:00-02:30 Europe/Berlin', '2026-10-25T01:15:00Z', true],
  ])('%s at %s: %s', (text, time, inside) => {
    expect(isInside(window(text), at(time))).toBe(inside);
  });

  it.each([
    ['2026-01-15T21:30:00Z', 0],
    ['2026-01-15T20:59:30Z', 30_000],
    ['2026-01-16T04:00:00Z', 17 * 3_600_000],
    // The day has 23 hours.
    ['2026-03-28T21:00:00Z', 0],
    ['2026-03-29T03:00:00Z', 17 * 3_600_000],
  ])('says at %s when it opens', (time, ms) => {
    expect(msUntilOpen(window('22:00-05:00 Europe/Berlin'), at(time))).toBe(ms);
  });

  it('knows what the clocks of its zone show', () => {
    expect(clockIn('Europe/Berlin', at('2026-07-15T22:05:00Z'))).toBe('00:05');
  });
});
