import { expect, it } from 'vitest';

import { unfinishedResult } from '../../src/engine/apply/lane-errors.js';
import type { Plan } from '../../src/engine/types.js';

const PLAN = {
  direction: 'up',
  segments: [{ migrations: [{ name: '0001_a' }, { name: '0002_b' }] }, { migrations: [{ name: '0003_c' }] }],
} as Plan;

it.each([
  ['nothing was sent', 0, false, { status: 'notExecuted', reason: 'interrupted' }],
  [
    'the first transaction may have been committed',
    0,
    true,
    { status: 'failed', committed: [], unknownOutcome: true, error: { code: 'OUTCOME_UNKNOWN' } },
  ],
  [
    'one of two was committed, and the next had not begun',
    1,
    false,
    { status: 'failed', committed: ['0001_a', '0002_b'], error: { code: 'INTERRUPTED' } },
  ],
  [
    'one of two was committed, and the next may have been',
    1,
    true,
    { status: 'failed', committed: ['0001_a', '0002_b'], unknownOutcome: true, error: { code: 'OUTCOME_UNKNOWN' } },
  ],
  ['everything was committed', 2, false, { status: 'applied', migrations: ['0001_a', '0002_b', '0003_c'] }],
])(
  'the result of a tenant that a canceled run does not wait for says what is known: %s',
  (_, settled, inDoubt, result) => {
    expect(unfinishedResult('acme', PLAN, settled, inDoubt)).toMatchObject({ tenant: 'acme', ...result });
  },
);
