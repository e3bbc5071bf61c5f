import { describe, expect, it } from 'vitest';

import { formatDuration, parseDuration, roughDuration } from '../../src/util/duration.js';

describe('parseDuration', () => {
  it.each<[string | number, number]>([
    ['5s', 5000],
    ['250ms', 250],
    ['2m', 120_000],
    ['2 min', 120_000],
    ['1h', 3_600_000],
    ['0', 0],
    ['0s', 0],
    ['1500', 1500],
    [' 1.5s ', 1500],
    [250, 250],
    [0, 0],
    ['2147483647', 2_147_483_647],
  ])('reads %j as %d ms', (value, ms) => {
    expect(parseDuration(value)).toBe(ms);
  });

  it('never rounds a limit down to none at all', () => {
    expect(parseDuration('0.2ms')).toBe(1);
  });

  it.each(['', ' ', 's', '-1s', '5 parsecs', '5s 3ms', '1e3', 'none', '2147483648', '25d', Number.NaN, -1, Infinity])(
    'refuses %j',
    (value) => {
      expect(parseDuration(value)).toBeUndefined();
    },
  );

  it.each(['toString', '5constructor'])('does not take the name of an object member for a unit: %s', (value) => {
    expect(parseDuration(value)).toBeUndefined();
  });
});

describe('formatDuration', () => {
  it.each<[number, string]>([
    [0, '0 ms'],
    [4, '4 ms'],
    [300, '0.3 s'],
    [12_400, '12.4 s'],
    [59_990, '1 min'],
    [185_000, '3 min 5 s'],
    [7_440_000, '2 h 4 min'],
  ])('shows %d ms as %s', (ms, shown) => {
    expect(formatDuration(ms)).toBe(shown);
  });

  it('rounds a guess up to whole seconds', () => {
    expect(roughDuration(16_100)).toBe('17 s');
  });
});
