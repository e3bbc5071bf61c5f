import { describe, expect, it } from 'vitest';

import { tabulate } from '../../src/each-tenant/query/columns.js';
import { rowObjects } from '../../src/each-tenant/query/json-values.js';
import { Turns } from '../../src/each-tenant/query/turns.js';

describe('names of columns', () => {
  const named = (...names: string[]): string[] =>
    tabulate({
      columns: names.map((name) => ({ name, type: 25 })),
      rows: [],
      command: 'SELECT 0',
    }).columns.map(({ name }) => name);

  it.each([
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [['tenant'], ['tenant_1']],
    [
      ['tenant', 'tenant'],
      ['tenant_1', 'tenant_2'],
    ],
    [
      ['tenant', 'tenant_1'],
      ['tenant_2', 'tenant_1'],
    ],
    [
      ['a', 'a', 'a'],
      ['a', 'a_1', 'a_2'],
    ],
    [
      ['a', 'a', 'a_1'],
      ['a', 'a_2', 'a_1'],
    ],
    [
      ['?column?', '?column?'],
      ['?column?', '?column?_1'],
    ],
    [
      ['', ''],
      ['', '_1'],
    ],
  ])('%j become %j', (given, expected) => {
    expect(named(...given)).toEqual(expected);
  });
});

it.each([
  ['UPDATE 3', 'UPDATE', '3'],
  ['INSERT 0 12', 'INSERT', '12'],
  ['CREATE TABLE', 'CREATE TABLE', null],
  ['REFRESH MATERIALIZED VIEW', 'REFRESH MATERIALIZED VIEW', null],
])('the command tag %j is a row', (command, tag, affected) => {
  expect(tabulate({ columns: undefined, rows: [], command }).rows).toEqual([[tag, affected]]);
});

describe('values in JSON', () => {
  it.each([
    ['a whole number', 20, '9007199254740991', 9_007_199_254_740_991],
    ['one that a double would round', 20, '9007199254740993', '9007199254740993'],
    ['a negative one', 20, '-9007199254740993', '-9007199254740993'],
    ['a numeric with its digits', 1700, '10.00', '10.00'],
    ['a double', 701, '0.1', 0.1],
    ['infinity', 701, '-Infinity', '-Infinity'],
    ['false', 16, 'f', false],
    ['json', 114, '{"a": [1, null]}', { a: [1, null] }],
    [
      'an array of arrays',
      1007,
      '{{1,2},{3,NULL}}',
      [
        [1, 2],
        [3, null],
      ],
    ],
    ['an array of text that looks like null', 1009, '{NULL,"NULL",""}', [null, 'NULL', '']],
    ['an array of json', 3807, String.raw`{"{\"a\": 1}"}`, [{ a: 1 }]],
    ['an empty array', 1016, '{}', []],
    ['an array with its own bounds', 1007, '[0:1]={1,2}', '[0:1]={1,2}'],
    ['anything else', 1082, '2024-02-29', '2024-02-29'],
    ['null', 20, null, null],
  ])('%s', (_what, type, text, expected) => {
    const [row] = rowObjects({ tenant: 't', columns: [{ name: 'v', type }], rows: [[text]] });
    expect(row).toEqual({ tenant: 't', v: expected });
  });
});

describe('turns', () => {
  it('come in order, whoever is ready first', async () => {
    const turns = new Turns();
    const seen: number[] = [];
    const one = async (position: number): Promise<void> => {
      await turns.reach(position);
      seen.push(position);
      turns.done(position);
    };
    await Promise.all([one(2), one(1), one(3), one(0)]);
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('pass over whoever ends without having had one', async () => {
    const turns = new Turns();
    turns.done(1);
    turns.done(0);
    turns.done(2);
    await turns.reach(3);
  });

  it('can be reached again by whoever has it', async () => {
    const turns = new Turns();
    await turns.reach(0);
    await turns.reach(0);
  });
});
