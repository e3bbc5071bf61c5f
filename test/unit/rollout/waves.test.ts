import { describe, expect, it } from 'vitest';

import { finishedWaves, findWaves, inWaveOrder, isTolerated } from '../../../src/run/rollout/waves.js';
import { parseWaves, waveEnds } from '../../../src/util/wave-sizes.js';

describe('sizes of waves', () => {
  it.each([
    ['1,5%,25%,100%', [1, '5%', '25%', '100%']],
    [' 1 , 2.5% ', [1, '2.5%']],
    [
      [1, '5%', 10, '100%'],
      [1, '5%', 10, '100%'],
    ],
    [['3'], [3]],
  ])('%j are read', (given, sizes) => {
    expect(parseWaves(given)).toEqual(sizes);
  });

  it.each([
    '',
    '0',
    '0%',
    '101%',
    '1,,2',
    '-1',
    '1.5',
    'all',
    '5,1',
    '50%,5%',
    '5%,5%',
    [],
    [1, 'x'],
    [0],
    7,
    undefined,
  ])('%j are none', (given) => {
    expect(parseWaves(given)).toBeUndefined();
  });

  it.each([
    [[1, '5%', '25%', '100%'], 200, [1, 10, 50, 200]],
    [[1, '5%', '25%', '100%'], 3, [1, 1, 1, 3]],
    [[10, '5%', '100%'], 40, [10, 10, 40]],
    [[1, '5%'], 100, [1, 5, 100]],
    [['7%', '100%'], 100, [7, 100]],
    [[1, '100%'], 0, [0, 0]],
    [[5], 3, [3, 3]],
  ])('%j of %i tenants end at %j', (sizes, total, ends) => {
    expect(waveEnds(sizes, total)).toEqual(ends);
  });
});

describe('where a rollout stands', () => {
  const order = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
  const sizes = [1, '50%', '100%'];
  const find = (pending: string, tried = '', tolerated: number | string = 0) =>
    findWaves(sizes, order, new Set(pending), new Set(tried), tolerated);

  it.each<[string, string, string, number | string, number]>([
    ['everything is left', 'abcdefghij', '', 0, 1],
    ['the first wave is over', 'bcdefghij', '', 0, 2],
    ['a tenant of the first wave is left', 'afghij', '', 0, 1],
    ['two waves are over', 'ghij', '', 0, 3],
    ['nothing is left', '', '', 0, 3],
    ['a failure is tolerated', 'abcdefghij', 'a', 1, 2],
    ['a failure is not tolerated', 'abcdefghij', 'a', 0, 1],
    ['as many failures as are tolerated', 'acfghij', 'ac', 2, 3],
    ['one failure more', 'acfghij', 'ac', 1, 2],
    ['a share that is no tenant of the first wave', 'abcdefghij', 'a', '20%', 1],
    ['a share of the waves so far', 'bfghij', 'b', '20%', 3],
    ['one that failed and one that had no turn', 'abfghij', 'a', 5, 2],
  ])('%s', (_, pending, tried, tolerated, current) => {
    expect(find(pending, tried, tolerated)).toMatchObject({ current, of: 3 });
  });

  it('gives tenants their waves by their place in the order, whoever is up to date', () => {
    expect(Object.fromEntries(find('bcfj').waveOf)).toEqual({ b: 2, c: 2, f: 3, j: 3 });
  });

  it('is at the end of the last wave when there is nothing to do', () => {
    expect(finishedWaves(sizes)).toEqual({ current: 3, of: 3 });
  });

  it.each<[number, number, number | string, boolean]>([
    [0, 1, 0, true],
    [1, 1, 0, false],
    [2, 50, '4%', true],
    [3, 50, '4%', false],
    [1, 1, '100%', true],
  ])('%i failures of %i with a limit of %s: %s', (failures, members, limit, may) => {
    expect(isTolerated(failures, members, limit)).toBe(may);
  });

  it('puts a chosen canary first', () => {
    expect(inWaveOrder(['a', 'b', 'c'], 'c')).toEqual(['c', 'a', 'b']);
    expect(inWaveOrder(['a', 'b'], 'x')).toEqual(['a', 'b']);
    expect(inWaveOrder(['a', 'b'], '5%')).toEqual(['a', 'b']);
  });
});
