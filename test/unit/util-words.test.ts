import { describe, expect, it } from 'vitest';

import { formatCount, orList, plural } from '../../src/util/format-count.js';
import { redact } from '../../src/util/redact.js';

describe('formatCount', () => {
  it.each<[number, string]>([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [1_234_567, '1,234,567'],
  ])('writes %d as %s', (value, shown) => {
    expect(formatCount(value)).toBe(shown);
  });
});

describe('plural', () => {
  it.each<[number, string]>([
    [0, '0 tenants'],
    [1, '1 tenant'],
    [1998, '1,998 tenants'],
  ])('counts %d as %s', (count, shown) => {
    expect(plural(count, 'tenant')).toBe(shown);
  });

  it('takes an irregular plural', () => {
    expect(plural(2, 'directory', 'directories')).toBe('2 directories');
  });
});

describe('orList', () => {
  it.each<[string[], string]>([
    [[], ''],
    [['a'], 'a'],
    [['a', 'b'], 'a or b'],
    [['a', 'b', 'c'], 'a, b or c'],
  ])('joins %j', (items, joined) => {
    expect(orList(items)).toBe(joined);
  });
});

describe('redact', () => {
  it.each<[string, string]>([
    ['cannot use postgres://app:s3cret@db/x today', 'cannot use postgres://app:***@db/x today'],
    ['postgresql://app:p@ss:word@db', 'postgresql://app:***@db'],
    ['postgres://:s3cret@db', 'postgres://:***@db'],
    ['postgres://db/x?user=a&password=s3cret&ssl=1', 'postgres://db/x?user=a&password=***&ssl=1'],
    ['https://example.com/a', 'https://example.com/a'],
    ['host:port', 'host:port'],
  ])('turns %j into %j', (text, redacted) => {
    expect(redact(text)).toBe(redacted);
  });
});
