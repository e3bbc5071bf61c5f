import { describe, expect, it } from 'vitest';

import { assignments } from '../../src/cli/assignments.js';
import { readCommandLine } from '../../src/cli/command-line.js';
import { migrationDirectory } from '../../src/cli/migration-directory.js';
import { repeatedFlags, runSettings } from '../../src/cli/run-settings.js';

describe('the command line before its flags are parsed', () => {
  it.each([
    [[], undefined, []],
    [['status'], 'status', []],
    [['status', '--check'], 'status', ['--check']],
    [['--json', 'status', '--check'], 'status', ['--json', '--check']],
    [['--config', 'a.ts', '--database=x', 'list'], 'list', ['--config', 'a.ts', '--database=x']],
    [['--config'], undefined, ['--config']],
    [['help', 'list'], 'list', []],
    [['help'], undefined, []],
  ])('%j names the command %s', (argv, command, rest) => {
    expect(readCommandLine(argv)).toMatchObject({ command, argv: rest });
  });

  it.each([
    [['--version'], true, []],
    [['-v'], true, []],
    [['-V', '--json'], true, []],
    [['version'], true, []],
    [['--versoin'], false, ['--versoin']],
    [['--databse=postgres://u:secret@h/d'], false, ['--databse']],
    [['status', '-v'], false, []],
    [['--config', '--version'], false, []],
  ])('%j asks for the version: %s, and has the unknown flags %j', (argv, version, unknownFlags) => {
    expect(readCommandLine(argv)).toMatchObject({ version, unknownFlags });
  });

  it('looks for what concerns the output before -- only', () => {
    expect(readCommandLine(['exec', '--json', '--', 'x', '--help', '--verbose'])).toMatchObject({
      json: true,
      help: false,
      verbose: false,
    });
    expect(readCommandLine(['list', '-h', '--no-color'])).toMatchObject({ help: true, noColor: true, json: false });
  });
});

describe('--set', () => {
  it('takes pairs, with anything in the value', () => {
    expect(assignments(['a=1', 'b=x=y,z', 'c='])).toEqual({ a: '1', b: 'x=y,z', c: '' });
    expect(assignments()).toEqual({});
  });

  it.each([[['a']], [['=1']], [['']], [['a=1', 'a=2']]])('refuses %j', (pairs) => {
    expect(() => assignments(pairs)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('settings among the flags of migrate', () => {
  it('are handed on as they were typed', () => {
    const flags = { concurrency: '8', 'lock-timeout': '5s', 'no-check-order': true, tenant: ['a'], fake: true };
    expect(runSettings(flags)).toEqual({ concurrency: '8', lockTimeout: '5s', checkOrder: false });
    expect(runSettings({})).toEqual({});
  });

  it('cannot both stop at the first failure and after a number of them', () => {
    expect(() => runSettings({ 'fail-fast': true, 'max-failures': '3' })).toThrow(
      expect.objectContaining({ code: 'USAGE' }),
    );
  });

  it('are repeated in the command to continue with, but never the database or --fake', () => {
    const flags = {
      database: 'postgres://u:secret@h/d',
      fake: true,
      config: 'a.ts',
      canary: '0',
      type: ['a', 'b'],
      shared: false,
    };
    expect(repeatedFlags(flags)).toEqual({
      selection: ['--type', 'a,b'],
      flags: ['--config', 'a.ts', '--canary', '0'],
    });
  });
});

describe('the directory of a new migration', () => {
  const project = {
    shared: { schema: 'public', migrations: '/s' },
    tenants: { migrations: '/t', extraSearchPath: [], order: 'schema_name', types: { shop: '/shop' } },
  };

  it('is that of what it is for', () => {
    expect(migrationDirectory(project, {})).toBe('/t');
    expect(migrationDirectory(project, { shared: true })).toBe('/s');
    expect(migrationDirectory(project, { type: 'shop' })).toBe('/shop');
  });

  it('is refused for an unknown type, with the nearest one, and for two kinds at once', () => {
    const suggestions = expect.arrayContaining(['Did you mean "shop"?']) as string[];
    expect(() => migrationDirectory(project, { type: 'shp' })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_TYPE', suggestions }),
    );
    expect(() => migrationDirectory(project, { type: 'toString' })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_TYPE' }),
    );
    expect(() => migrationDirectory(project, { shared: true, type: 'shop' })).toThrow(
      expect.objectContaining({ code: 'USAGE' }),
    );
  });
});
