import { describe, expect, it } from 'vitest';

import { parseCsv } from '../../src/util/csv-records.js';

/** The cells as text, with quotes around those that were quoted. */
function cellsOf(text: string): (number | string)[][] {
  return parseCsv(text).records.map(({ line, cells }) => [
    line,
    ...cells.map((cell) => (cell.quoted ? `"${cell.text}"` : cell.text)),
  ]);
}

describe('parseCsv', () => {
  it.each<[why: string, text: string, expected: (number | string)[][]]>([
    ['an empty text', '', []],
    ['one value without a line break', 'a', [[1, 'a']]],
    [
      'line breaks of every system',
      'a,b\r\nc,d\ne,f\rg,h',
      [
        [1, 'a', 'b'],
        [2, 'c', 'd'],
        [3, 'e', 'f'],
        [4, 'g', 'h'],
      ],
    ],
    ['a byte order mark', '\uFEFFa,b\n', [[1, 'a', 'b']]],
    [
      'commas, quotes and line breaks in quotes',
      '"a,""b""","c\r\nd"\ne',
      [
        [1, '"a,"b""', '"c\r\nd"'],
        [3, 'e'],
      ],
    ],
    [
      'empty values with and without quotes',
      ',""\n,',
      [
        [1, '', '""'],
        [2, '', ''],
      ],
    ],
    [
      'lines without anything',
      '\n\na\n\n"",\n""\n\n',
      [
        [3, 'a'],
        [5, '""', ''],
        [6, '""'],
      ],
    ],
    ['spaces, which belong to a value', ' a , b', [[1, ' a ', ' b']]],
    ['a comma at the end', 'a,\n', [[1, 'a', '']]],
  ])('reads %s', (_why, text, expected) => {
    expect(cellsOf(text)).toEqual(expected);
    expect(parseCsv(text).problem).toBeUndefined();
  });

  it.each<[text: string, line: number, message: string]>([
    ['a\n"b\n\nc', 2, 'a quote is not closed'],
    ['"a"b', 1, 'a quoted value is followed by something else than a comma'],
    ['a\nb"c"', 2, 'a quote stands inside a value that does not begin with one'],
    ['"', 1, 'a quote is not closed'],
  ])('says where %j is not CSV', (text, line, message) => {
    expect(parseCsv(text).problem).toEqual({ line, message });
  });
});
