import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';

import { serializeError } from '../../src/errors/serialize.js';
import { TenantsError } from '../../src/errors/tenants-error.js';

const HUGE = 'x'.repeat(5_000_000);

describe('an error as JSON', () => {
  it('is bounded, whatever the server says', () => {
    const error = Object.assign(new DatabaseError(HUGE, HUGE.length, 'error'), {
      severity: 'ERROR',
      code: 'P0001',
      detail: HUGE,
      where: HUGE,
    });
    const text = JSON.stringify(serializeError(error));
    expect(text.length).toBeLessThan(40_000);
    expect(serializeError(error)).toMatchObject({
      sqlstate: 'P0001',
      message: expect.stringMatching(/… \(4990000 more characters\)$/) as string,
    });
  });

  it('is bounded in its statement and its causes, too', () => {
    const cause = new Error(HUGE);
    const error = new TenantsError('MIGRATION_FAILED', 'short', { statement: HUGE, cause });
    expect(JSON.stringify(serializeError(error)).length).toBeLessThan(40_000);
    expect(JSON.stringify(serializeError(HUGE)).length).toBeLessThan(20_000);
  });

  it('keeps what is of usual length as it is', () => {
    expect(serializeError(new Error('a'.repeat(10_000))).message).toHaveLength(10_000);
  });
});
