import { describe, expect, it } from 'vitest';

import { selectTenants, type TenantSelection } from '../../src/registry/select.js';
import type { Tenant } from '../../src/registry/types.js';
import { SHAPE } from '../support/registry-shapes.js';

const FLEET: Tenant[] = [
  tenant('zeta'),
  tenant('public'),
  tenant('acme', 'shop'),
  tenant('half', 'shop', 'provisioning'),
  tenant('gone', 'shop', 'deleting'),
  tenant('a"b', 'blog'),
];

describe('selectTenants', () => {
  it.each<[string, TenantSelection, string[]]>([
    ['everything but the public tenant and those being deleted', {}, ['zeta', 'acme', 'half', 'a"b']],
    ['named tenants in the order of the registry', { names: ['a"b', 'zeta', 'a"b'] }, ['zeta', 'a"b']],
    ['all but the excluded', { exclude: ['acme', 'gone', 'public'] }, ['zeta', 'half', 'a"b']],
    ['one type', { types: ['shop'] }, ['acme', 'half']],
    ['a configured type that nobody has', { types: ['wiki'] }, []],
    ['names, types and exclusions together', { names: ['acme', 'zeta'], types: ['shop', 'blog'] }, ['acme']],
    ['nothing for a name that is also excluded', { names: ['acme'], exclude: ['acme'] }, []],
    ['nothing for an empty list of names', { names: [] }, []],
    ['nothing for an empty list of types', { types: [] }, []],
  ])('takes %s', (_, selection, expected) => {
    expect(selectTenants(FLEET, selection, SHAPE, { types: ['wiki'] }).map(({ schema }) => schema)).toEqual(expected);
  });

  it('leaves out rows with a status that the configuration ignores, and refuses them by name', () => {
    const shape = { ...SHAPE, ignoreStatuses: ['invited'] };
    const fleet = [...FLEET, tenant('later', 'shop', 'invited')];
    expect(selectTenants(fleet, { types: ['shop'] }, shape).map(({ schema }) => schema)).toEqual(['acme', 'half']);
    expect(selectTenants(fleet, { types: ['shop'] }, SHAPE)).toHaveLength(3);
    expect(() => selectTenants(fleet, { names: ['later'] }, shape)).toThrowError(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('"later" (invited)') as string }),
    );
  });

  it('names all unknown tenants at once, each with the nearest', () => {
    const select = () => selectTenants(FLEET, { names: ['acmee', 'Zeta', 'acme'], exclude: ['qqqqqq'] }, SHAPE);
    expect(select).toThrowError(
      expect.objectContaining({
        code: 'UNKNOWN_TENANT',
        exitCode: 2,
        message: 'There are no such tenants: acmee, Zeta, qqqqqq.',
        details: {
          problems: [
            'There is no tenant "acmee". Did you mean "acme"?',
            'There is no tenant "Zeta". Did you mean "zeta"?',
            'There is no tenant "qqqqqq".',
          ],
        },
      }),
    );
  });

  it.each<[string, TenantSelection, string[]]>([
    ['all that match', { names: ['*a*'] }, ['zeta', 'acme', 'half', 'a"b']],
    ['one character for a question mark', { names: ['?e?a', 'a?b'] }, ['zeta', 'a"b']],
    ['patterns together with names', { names: ['z*', 'acme'] }, ['zeta', 'acme']],
    ['all but those that match', { exclude: ['*a'] }, ['acme', 'half', 'a"b']],
    ['all where no tenant matches what is excluded', { exclude: ['us_*'] }, ['zeta', 'acme', 'half', 'a"b']],
    ['neither the public tenant nor those being deleted', { names: ['*'] }, ['zeta', 'acme', 'half', 'a"b']],
  ])('takes by pattern: %s', (_, selection, expected) => {
    expect(selectTenants(FLEET, selection, SHAPE).map(({ schema }) => schema)).toEqual(expected);
  });

  it('takes a tenant whose name is the pattern, and only that one', () => {
    const fleet = ['a*', 'ab', 'a?', 'b.b', 'bxb'].map((name) => tenant(name));
    const taken = (...names: string[]) => selectTenants(fleet, { names }, SHAPE).map(({ schema }) => schema);
    expect(taken('a*')).toEqual(['a*']);
    expect(taken('a?')).toEqual(['a?']);
    expect(taken('b.*')).toEqual(['b.b']);
    expect(selectTenants(fleet, { exclude: ['a*'] }, SHAPE)).toHaveLength(4);
  });

  it('names patterns that no tenant matches together with unknown names', () => {
    expect(() => selectTenants(FLEET, { names: ['us_*', 'acme', 'acmee', 'pub*', 'go?e'] }, SHAPE)).toThrowError(
      expect.objectContaining({
        code: 'UNKNOWN_TENANT',
        details: {
          problems: [
            'No tenant matches "us_*".',
            'There is no tenant "acmee". Did you mean "acme"?',
            'No tenant matches "pub*".',
            'No tenant matches "go?e".',
          ],
        },
      }),
    );
  });

  it('takes those that a condition was found to be true for', () => {
    const known = { matching: new Set(['acme', 'public', 'gone']) };
    expect(selectTenants(FLEET, {}, SHAPE, known).map(({ schema }) => schema)).toEqual(['acme']);
    expect(selectTenants(FLEET, { types: ['blog'] }, SHAPE, known)).toEqual([]);
  });

  it('names unknown types with the nearest', () => {
    expect(() =>
      selectTenants(FLEET, { types: ['shop', 'shpo', 'wiik', 'qqqqqq'] }, SHAPE, { types: ['wiki'] }),
    ).toThrowError(
      expect.objectContaining({
        code: 'UNKNOWN_TYPE',
        details: {
          problems: [
            'There is no tenant type "shpo". Did you mean "shop"?',
            'There is no tenant type "wiik". Did you mean "wiki"?',
            'There is no tenant type "qqqqqq".',
          ],
        },
      }),
    );
  });

  it('explains that the public tenant has no schema, whether it is registered or not', () => {
    for (const tenants of [FLEET, []]) {
      expect(() => selectTenants(tenants, { names: ['public'] }, SHAPE)).toThrowError(
        expect.objectContaining({
          code: 'USAGE',
          suggestions: [expect.stringContaining('migrate, rollback and plan have --shared')],
        }),
      );
    }
  });

  it('refuses a tenant that is being deleted when it is named', () => {
    expect(() => selectTenants(FLEET, { names: ['gone', 'acme'] }, SHAPE)).toThrowError(
      expect.objectContaining({ code: 'USAGE', message: 'These tenants are being deleted: "gone".' }),
    );
  });
});

function tenant(schema: string, type: string | null = null, status = 'active'): Tenant {
  return { schema, name: null, type, status };
}
