import { describe, expect, it } from 'vitest';

import { parseNameLines } from '../../src/cli/selection/names.js';
import { selectedOptions, selectedTenants, type SelectionFlags } from '../../src/cli/selection/selected-options.js';

describe('the flags that choose schemas', () => {
  const accepted: [string, SelectionFlags, unknown][] = [
    ['none: everything', {}, { selection: { kind: 'all' } }],
    ['--shared', { shared: true }, { selection: { kind: 'shared' } }],
    ['--schema with the shared schema', { schema: ['main'] }, { selection: { kind: 'shared' } }],
    ['--shared and the same said again', { shared: true, schema: ['main'] }, { selection: { kind: 'shared' } }],
    ['--tenants-only', { 'tenants-only': true }, { selection: { kind: 'tenants' } }],
    ['repeats and commas', { tenant: ['a,b', 'c', 'a'] }, { selection: { kind: 'tenants', names: ['a', 'b', 'c'] } }],
    ['spaces around a comma', { tenant: [' a , b '] }, { selection: { kind: 'tenants', names: ['a', 'b'] } }],
    ['a name with spaces at its ends', { tenant: [' a '] }, { selection: { kind: 'tenants', names: [' a '] } }],
    ['an escaped comma', { tenant: [String.raw`a\,b`] }, { selection: { kind: 'tenants', names: ['a,b'] } }],
    ['quotes of a name', { tenant: ['"a"', "'b'"] }, { selection: { kind: 'tenants', names: ['"a"', "'b'"] } }],
    ['--schema with a tenant', { schema: ['acme'] }, { selection: { kind: 'tenants', names: ['acme'] } }],
    ['both kinds of names', { tenant: ['a'], schema: ['b'] }, { selection: { kind: 'tenants', names: ['a', 'b'] } }],
    ['--exclude', { exclude: ['a'] }, { selection: { kind: 'tenants', exclude: ['a'] } }],
    ['--type', { type: ['shop,blog'] }, { selection: { kind: 'tenants', types: ['shop', 'blog'] } }],
    ['--where', { where: ['a, b'] }, { selection: { kind: 'tenants', where: 'a, b' } }],
    ['a name that begins with @', { tenant: [String.raw`\@a`] }, { selection: { kind: 'tenants', names: ['@a'] } }],
    ['--to with --shared', { shared: true, to: '1_x' }, { selection: { kind: 'shared' }, target: { to: '1_x' } }],
    [
      '--to with tenants',
      { type: ['s'], to: '1_x' },
      { selection: { kind: 'tenants', types: ['s'] }, target: { to: '1_x' } },
    ],
    ['--count', { 'tenants-only': true, count: '2' }, { selection: { kind: 'tenants' }, target: { count: 2 } }],
    ['--create-missing', { 'create-missing': true }, { selection: { kind: 'all' }, missing: 'create' }],
    ['--skip-missing', { 'skip-missing': true }, { selection: { kind: 'all' }, missing: 'skip' }],
    ['--skip-shared-check', { 'skip-shared-check': true }, { selection: { kind: 'all' }, skipSharedCheck: true }],
  ];
  it.each(accepted)('mean what they say: %s', async (_, flags, expected) => {
    expect(await selectedOptions(flags, 'main')).toEqual(expected);
  });

  const refused: [string, SelectionFlags, RegExp][] = [
    ['--shared with --tenant', { shared: true, tenant: ['a'] }, /--shared means the shared schema alone/],
    ['--shared with --tenants-only', { shared: true, 'tenants-only': true }, /--shared means/],
    ['--shared with --exclude', { shared: true, exclude: ['a'] }, /--shared means/],
    ['--shared with --type', { shared: true, type: ['a'] }, /--shared means/],
    ['--shared with --schema of a tenant', { shared: true, schema: ['a'] }, /--shared means/],
    ['both kinds in --schema', { schema: ['main,a'] }, /--schema main means/],
    ['--shared with --where', { shared: true, where: ['true'] }, /--shared means/],
    ['two conditions', { where: ['a', 'b'] }, /only once/],
    ['a file that is not there', { tenant: ['@/nowhere/names'] }, /"\/nowhere\/names", which cannot be read/],
    ['--to for everything', { to: '1_x' }, /--to and --count apply to one kind/],
    ['--count for everything', { count: '1' }, /--to and --count apply to one kind/],
    ['--to with --count', { shared: true, to: 'a', count: '1' }, /cannot be combined/],
    ['--count 0', { shared: true, count: '0' }, /positive integer/],
    ['--count -1', { shared: true, count: '-1' }, /positive integer/],
    ['--count 1.5', { shared: true, count: '1.5' }, /positive integer/],
    ['--count of nothing', { shared: true, count: '' }, /positive integer/],
    ['contrary wishes about missing schemas', { 'create-missing': true, 'skip-missing': true }, /cannot be combined/],
    ['--tenant of an unset variable', { tenant: [''] }, /--tenant is empty/],
    ['--schema of an unset variable', { schema: [','] }, /--schema is empty/],
    ['--exclude of an unset variable', { exclude: [' '] }, /--exclude is empty/],
    ['--type of an unset variable', { type: [''] }, /--type is empty/],
  ];
  it.each(refused)('are refused: %s', async (_, flags, message) => {
    await expect(selectedOptions(flags, 'main')).rejects.toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(message) }),
    );
  });

  it('mean tenants where nothing else can be meant, so that a target needs no selection', async () => {
    expect(await selectedOptions({ count: '3' }, 'main', 'tenants')).toEqual({
      selection: { kind: 'tenants' },
      target: { count: 3 },
    });
  });

  it('leave out what is not given where only tenants can be chosen', async () => {
    expect(await selectedTenants({})).toEqual({});
    expect(await selectedTenants({ tenant: ['a'], exclude: ['b'], type: ['c'] })).toEqual({
      names: ['a'],
      exclude: ['b'],
      types: ['c'],
    });
  });
});

describe('a file of names', () => {
  it.each([
    ['one name a line', 'acme\nglobex\n', ['acme', 'globex']],
    ['Windows line ends and a byte order mark', '\uFEFFacme\r\nglobex\r\n', ['acme', 'globex']],
    ['comments and blank lines', '# all of them\n\n  acme  # the first\n#globex\n', ['acme']],
    ['names with a number sign, commas and quotes', 'a#b\nc,d\n"e"\n', ['a#b', 'c,d', '"e"']],
    ['patterns', 'eu_*\n', ['eu_*']],
    ['nothing', '# none\n', []],
  ])('has %s', (_, content, expected) => {
    expect(parseNameLines(content)).toEqual(expected);
  });
});
