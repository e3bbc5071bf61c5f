import { describe, expect, it } from 'vitest';

import { registrySchema } from '../../src/config/registry-schema.js';
import { type RegistryNames, registryShape } from '../../src/runtime/registry-shape.js';

describe('the registry of the configuration and that of the runtime', () => {
  it.each<[string, RegistryNames]>([
    ['nothing', {}],
    ['tables', { tenants: 'accounts', domains: 'hosts' }],
    [
      'columns',
      { tenants: { columns: { schemaName: 'slug', status: null } }, domains: { columns: { isPrimary: null } } },
    ],
    ['the domain table', { domains: false }],
    ['columns that are undefined', { tenants: { table: undefined, columns: { status: undefined } } }],
  ])('are called the same when %s is renamed', (_what, names) => {
    const { tenants, domains } = registrySchema.parse(names);
    expect(registryShape('public', names)).toEqual({ schema: 'public', tenants, domains });
  });

  it('refuse a name with half a character, which would arrive at the server as another one', () => {
    const names = { tenants: 'a\uD800' };
    expect(() => registryShape('public', names)).toThrow('cannot be a PostgreSQL name');
    expect(registrySchema.safeParse(names).success).toBe(false);
  });
});
