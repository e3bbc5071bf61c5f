import { describe, expect, it } from 'vitest';

import { effectiveRollout } from '../../../src/run/rollout/effective-rollout.js';

const configured = { waves: [1, '100%'], pause: 5, window: '22:00-05:00 UTC', delayMs: 7, maxDurationMs: 9 };
const of = (rest: object, command: 'migrate' | 'rollback' | 'adopt-history' = 'migrate', own = {}) =>
  effectiveRollout({ maxFailures: undefined, rollout: configured, ...rest }, own, command);

describe('what of a rollout holds', () => {
  it('for a migrate: all of it', () => {
    expect(of({})).toMatchObject({ waves: [1, '100%'], pause: 5, delayMs: 7, maxDurationMs: 9, maxFailures: 0 });
    expect(of({}).window).toEqual({ from: 1320, to: 300, zone: 'UTC' });
  });

  it('for a rollback: what is about its pace, no waves and no time of day', () => {
    expect(of({}, 'rollback')).toEqual({ delayMs: 7, maxDurationMs: 9, maxFailures: 0 });
  });

  it('for bookkeeping alone: nothing', () => {
    expect(of({}, 'adopt-history')).toEqual({ maxFailures: 0 });
  });

  it('for a repetition of what failed: no waves', () => {
    expect(of({}, 'migrate', { failedOf: 'latest' })).not.toHaveProperty('waves');
  });

  it('the options of the run go before the configuration', () => {
    const own = { rollout: { waves: ['50%'], window: 'always', delayMs: 0 } };
    expect(of({}, 'migrate', own)).toEqual({ waves: ['50%'], pause: 5, delayMs: 0, maxDurationMs: 9, maxFailures: 0 });
  });

  it('as many failures are tolerated as the rollout says, or else the run', () => {
    expect(of({ maxFailures: 3 }).maxFailures).toBe(3);
    expect(of({ maxFailures: 3, rollout: { maxFailures: 0 } }).maxFailures).toBe(0);
  });

  it.each([{ waves: [0] }, { waves: [] }, { window: 'at night' }])('%j is refused', (rollout) => {
    expect(() => of({}, 'migrate', { rollout })).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
