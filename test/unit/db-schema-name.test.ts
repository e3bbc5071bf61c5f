import { describe, expect, it } from 'vitest';

import { assertNewSchemaName } from '../../src/db/schema-name.js';
import type { TenantsError } from '../../src/errors/tenants-error.js';

function refusal(name: string): TenantsError {
  try {
    assertNewSchemaName(name);
  } catch (error) {
    return error as TenantsError;
  }
  throw new Error(`${name} was accepted.`);
}

describe('assertNewSchemaName', () => {
  it.each(['acme', '_x', 'a1_b2', 'x'.repeat(63)])('accepts %s', (name) => {
    expect(() => assertNewSchemaName(name)).not.toThrow();
  });

  it.each([
    ['my-company', '"-" must be quoted wherever SQL names the schema', 'my_company'],
    ['My Company', '" " and upper-case letters must be quoted', 'my_company'],
    ['Acme', 'upper-case letters must be quoted', 'acme'],
    ['1st', 'begins with a digit', 't1st'],
    ['a.b;c d/e', '"." and ";" and " " and other characters must be quoted', 'a_b_c_d_e'],
    ['pg_x', 'belong to PostgreSQL', 'tenant_pg_x'],
    ['x'.repeat(64), 'longer than 63', 'x'.repeat(63)],
  ])('says why %s is refused, and what would be accepted', (name, why, accepted) => {
    const error = refusal(name);
    expect(error).toMatchObject({ code: 'INVALID_NAME', exitCode: 2 });
    expect(error.message).toContain(why);
    expect(error.suggestions[0]).toContain(`"${accepted}" would be accepted.`);
  });

  it.each(['', '--', '漢字'])('has no other name for %j', (name) => {
    expect(refusal(name).suggestions.join()).not.toContain('would be accepted');
  });
});
