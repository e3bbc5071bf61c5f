import { describe, expect, it } from 'vitest';

import { assertCanaryKnown, canaryCount, chosenCanary } from '../../src/run/rollout/canary.js';
import { failuresAllowed } from '../../src/util/failure-budget.js';

describe('the canary setting', () => {
  it.each([
    [0, 100, 0],
    [3, 100, 3],
    ['5%', 100, 5],
    ['5%', 101, 6],
    ['0.1%', 10, 1],
    ['acme', 100, 1],
  ])('%j of %i tenants means %i', (setting, members, count) => {
    expect(canaryCount(setting, members)).toBe(count);
  });

  it('chooses a tenant by its name', () => {
    expect(chosenCanary('acme')).toBe('acme');
    expect(chosenCanary('5%')).toBeUndefined();
    expect(chosenCanary(5)).toBeUndefined();
  });

  it('must name a tenant that exists', () => {
    expect(() => assertCanaryKnown('acme', ['acme'])).not.toThrow();
    expect(() => assertCanaryKnown(1, [])).not.toThrow();
    expect(() => assertCanaryKnown('acne', ['acme'])).toThrow(/no tenant "acne"/);
  });
});

describe('the budget of failures', () => {
  it.each([
    [undefined, 100, undefined],
    [7, 100, 7],
    ['2%', 100, 2],
    ['2%', 10, 1],
    ['2.5%', 1000, 25],
  ])('%j of %i tenants allows %j', (budget, total, allowed) => {
    expect(failuresAllowed(budget, total)).toBe(allowed);
  });
});
