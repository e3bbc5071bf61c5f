import { describe, expect, it } from 'vitest';

import { didYouMean, nearestNames } from '../../src/util/nearest.js';

const NAMES = ['acme', 'acme_eu', 'globex', 'initech', 'Umbrella', 'hooli'];

describe('didYouMean', () => {
  it.each<[string[], string[]]>([
    [[], []],
    [['a'], ['Did you mean "a"?']],
    [['a', 'b'], ['Did you mean "a" or "b"?']],
    [['a', 'b', 'c'], ['Did you mean "a", "b" or "c"?']],
  ])('asks about %j', (near, question) => {
    expect(didYouMean(near)).toEqual(question);
  });
});

describe('nearestNames', () => {
  it.each<[string, string[]]>([
    ['acmee', ['acme']],
    ['glbex', ['globex']],
    ['umbrella', ['Umbrella']],
    ['ini', ['initech']],
    ['acm', ['acme', 'acme_eu']],
    ['holoi', ['hooli']],
    ['zzz', []],
    ['acme', ['acme_eu']],
    ['', []],
  ])('for %j finds %j', (name, near) => {
    expect(nearestNames(name, NAMES)).toEqual(near);
  });

  it('gives at most as many as asked for, the nearest first', () => {
    expect(nearestNames('tenant_12', ['tenant_34', 'tenant_13', 'tenant_2', 'tenant_12x'], 2)).toEqual([
      'tenant_12x',
      'tenant_13',
    ]);
  });
});
