import { describe, expect, it } from 'vitest';

import { bar } from '../../src/ui/progress/bar.js';
import { clean, cleanLines } from '../../src/ui/text/clean.js';
import { displayWidth, pad, truncate } from '../../src/ui/text/display-width.js';
import { listed, listedWithin } from '../../src/ui/text/name-list.js';
import { table } from '../../src/ui/text/table.js';
import { redact, redactDeep } from '../../src/util/redact.js';

describe('the width of a text', () => {
  it.each([
    ['acme', 4],
    ['größe', 5],
    ['gro\u0308ße', 5],
    ['東京', 4],
    ['한국', 4],
    ['ｆｕｌｌ', 8],
    ['🚀', 2],
    ['👩‍👩‍👧', 2],
    ['\u0301', 0],
    ['…', 1],
  ])('of %j is %i columns', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });

  it.each([
    ['acme_corporation', 8, 'acme_co…'],
    ['acme', 4, 'acme'],
    ['東京都庁', 8, '東京都庁'],
    ['東京都庁', 6, '東京…'],
    ['東京都庁', 7, '東京都…'],
    ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
    ['acme', 1, '…'],
    ['acme', 0, ''],
  ])('%j is shortened to %i columns as %j', (text, columns, expected) => {
    expect(truncate(text, columns)).toBe(expected);
    expect(displayWidth(truncate(text, columns))).toBeLessThanOrEqual(columns);
  });

  it('counts when filling up with spaces', () => {
    expect(pad('東京', 6) + '|').toBe('東京  |');
    expect(pad('7', 3, 'right')).toBe('  7');
  });
});

describe('text from outside', () => {
  it.each([
    ['\u001B[31mred\u001B[0m', 'red'],
    ['a\u001B]0;owned\u0007b', 'ab'],
    ['a\u001B]8;;http://evil\u001B\\link\u001B]8;;\u001B\\', 'alink'],
    ['a\u009B31mb', 'ab'],
    ['a\u001BPq#0\u001B\\b', 'ab'],
    ['two\r\nlines', 'two lines'],
    ['back\b\b\u0000\u007F', 'back'],
    ['user\u202Egpj.exe', 'usergpj.exe'],
    ['\u001B', ''],
    ['"Ünïcode" tenant', '"Ünïcode" tenant'],
  ])('%j is printed as %j', (text, expected) => {
    expect(clean(text)).toBe(expected);
  });

  it('keeps its lines where a statement is shown', () => {
    expect(cleanLines('SELECT\t1,\u001B[2J\r\n  2  \n;')).toEqual(['SELECT  1,', '  2', ';']);
  });
});

describe('passwords', () => {
  it.each([
    ['postgres://app:s3cret@db:5432/x', 'postgres://app:***@db:5432/x'],
    ['at postgresql://app:p@ss/w:rd@db/x failed', 'at postgresql://app:***@db/x failed'],
    ['postgres://db/x?user=a&password=s3cret&sslmode=require', 'postgres://db/x?user=a&password=***&sslmode=require'],
    ["host=db password='it''s s3cret' user=a", 'host=db password=*** user=a'],
    ['PGPASSWORD=s3cret psql', 'PGPASSWORD=*** psql'],
    ['{"password":"s3\\"cret","user":"a"}', '{"password":"***","user":"a"}'],
    ["ALTER ROLE app PASSWORD 's3''cret' LOGIN", "ALTER ROLE app PASSWORD '***' LOGIN"],
    ["OPTIONS (user 'a', password 's3cret')", "OPTIONS (user 'a', password '***')"],
    ['password authentication failed for user "app"', 'password authentication failed for user "app"'],
    ['postgres://localhost:5432/app', 'postgres://localhost:5432/app'],
  ])('in %j are masked', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  it('are masked in every string of a document', () => {
    const document = { a: ['postgres://u:pw@h/d', 1, null], b: { c: 'password=pw' } };
    expect(redactDeep(document)).toEqual({ a: ['postgres://u:***@h/d', 1, null], b: { c: 'password=***' } });
  });
});

describe('words and numbers', () => {
  it('lists names up to a limit and cleans them', () => {
    expect(listed(['a', 'b\u001B[2J', 'c'], 2)).toBe('a, b and 1 more');
    expect(listed(['a', 'b'], 10, 1500)).toBe('a, b and 1,498 more');
    expect(listed([])).toBe('');
    expect(listedWithin(['aaaa', 'bbbb', 'cccc'], 16)).toBe('aaaa, bbbb, cccc');
    expect(listedWithin(['aaaa', 'bbbb', 'cccc'], 15)).toBe('aaaa and 2 more');
  });
});

describe('a bar', () => {
  it.each([
    [0, '    '],
    [1, '████'],
    [0.5, '██  '],
    [0.0001, '▏   '],
    [0.9999, '███▉'],
    [Number.NaN, '    '],
  ])('of the share %d', (share, expected) => {
    expect(bar(share, 4)).toBe(expected);
  });
});

describe('a table', () => {
  const rows = [
    ['acme', '東京', 'short'],
    ['evil\u001B[2J', 'x', 'a very long cell that has to give way'],
  ];

  it('aligns by display width and leaves no space at the end', () => {
    expect(table(rows, { header: ['S', 'N', 'D'] })).toEqual([
      'S     N     D',
      'acme  東京  short',
      'evil  x     a very long cell that has to give way',
    ]);
  });

  it('takes the width from the widest column', () => {
    const lines = table(rows, { columns: 24 });
    expect(lines).toEqual(['acme  東京  short', 'evil  x     a very long…']);
  });

  it('cleans the header as well, whose names come from a database', () => {
    expect(table([['1']], { header: ['c\u001b[31m\u0007'] })).toEqual(['c', '1']);
  });

  it('never cuts columns that must stay whole', () => {
    expect(table([['keep-me-whole', 'cut-me-please']], { columns: 20, shrink: [1] })).toEqual(['keep-me-whole  cut-…']);
  });
});
