import { describe, expect, it } from 'vitest';

import { commandLine } from '../../src/cli/recorded-command.js';
import type { Cohort } from '../../src/fleet/cohorts.js';
import { outcomeOf, pendingOf, placesAfter } from '../../src/journal/complete/outcome.js';
import { judge, judgeVersion, type Look } from '../../src/journal/place/inspect.js';
import { TABLES, VERSION } from '../../src/journal/place/versions.js';
import type { PlaceNow } from '../../src/journal/types.js';
import { toJson } from '../../src/journal/write/statements.js';
import { endToUndo, splitCohort } from '../../src/run/of-run.js';
import { formatRuns } from '../../src/ui/summary/format-runs.js';
import { formatWhen } from '../../src/ui/text/when.js';
import { parseAge } from '../../src/util/age.js';

const plan = (tenants: string[], applied: string[], migrations: string[]) => ({
  number: 0,
  applied,
  migrations,
  tenants,
  oids: tenants.map((_, index) => 100 + index),
});
const now = (applied: string[], oid = 100): PlaceNow => ({ oid, applied, readable: true });

describe('what became of a tenant in a run that was ended from outside', () => {
  const pending = { tenant: 'a', oid: 100, migrations: ['2', '3'] };
  it.each([
    ['everything', 'up', now(['1', '2', '3']), { status: 'applied', migrations: ['2', '3'] }],
    ['nothing', 'up', now(['1']), { status: 'notExecuted', reason: 'interrupted' }],
    ['a part', 'up', now(['1', '2']), { status: 'failed', committed: ['2'], error: { code: 'INTERRUPTED' } }],
    ['everything back', 'down', now(['1']), { status: 'rolledBack', migrations: ['2', '3'] }],
    ['nothing back', 'down', now(['1', '2', '3']), { status: 'notExecuted' }],
    ['another schema', 'up', now(['1', '2', '3'], 7), { status: 'failed', error: { code: 'OUTCOME_UNKNOWN' } }],
    ['no answer', 'up', undefined, { status: 'failed', error: { code: 'OUTCOME_UNKNOWN' } }],
  ] as const)('is told from its migrations table: %s', (_what, direction, place, expected) => {
    expect(outcomeOf(pending, direction, place)).toMatchObject({ tenant: 'a', ...expected });
  });

  it('is asked for tenants without a result, by the plan of the last round', () => {
    const plans = [plan(['a', 'b', 'c'], ['1'], ['2', '3']), { ...plan(['b'], ['1', '2'], ['3']), number: 1 }];
    expect(pendingOf({ plans, known: ['c'] })).toEqual([
      { tenant: 'a', oid: 100, migrations: ['2', '3'] },
      { tenant: 'b', oid: 100, migrations: ['3'] },
    ]);
  });

  it('is what the next run found, and not what that one did', () => {
    const placeOf = placesAfter(
      [plan(['a'], ['1', '2'], ['3'])],
      new Map([
        ['a', now(['1', '2', '3'])],
        ['b', now(['1'])],
      ]),
    );
    expect(placeOf('a')?.applied).toEqual(['1', '2']);
    expect(placeOf('b')?.applied).toEqual(['1']);
    expect(placeOf('c')).toBeUndefined();
  });
});

describe('the journal', () => {
  const whole: Look = {
    user: 'deploy',
    exists: true,
    owner: 'deploy',
    trusted: true,
    mayMake: true,
    roleMayMake: false,
    tables: TABLES.map((name) => ({ name, trusted: true, plain: true, reads: true, writes: true, roleWrites: false })),
  };
  const tables = (change: object, only: (name: string) => boolean = () => true): Look['tables'] =>
    whole.tables.map((table) => (only(table.name) ? { ...table, ...change } : table));
  const state = (look: Partial<Look>, role?: string) => judge({ ...whole, ...look }, 'j', role);

  it.each([
    ['is ready', {}, undefined, 'ready'],
    ['is written under the role that may', { tables: tables({ writes: false, roleWrites: true }) }, 'owner', 'ready'],
    ['is made where there is nothing', { exists: false, owner: null, tables: [] }, undefined, 'outdated'],
    ['is made in a schema without tables', { tables: [] }, undefined, 'outdated'],
    [
      'is made by the role that may',
      { exists: false, mayMake: false, roleMayMake: true, tables: [] },
      'owner',
      'outdated',
    ],
    ['is absent without the right', { exists: false, mayMake: false, tables: [] }, undefined, 'absent'],
    ['is not used where a stranger owns the schema', { trusted: false }, undefined, 'unusable'],
    [
      'is not used where a stranger owns a table',
      { tables: tables({ trusted: false }, (name) => name === 'runs') },
      undefined,
      'unusable',
    ],
    [
      'is not used with a trigger',
      { tables: tables({ plain: false }, (name) => name === 'results') },
      undefined,
      'unusable',
    ],
    ['is not used with a part of its tables', { tables: whole.tables.slice(1) }, undefined, 'unusable'],
    ['is not used without the right to write', { tables: tables({ writes: false }) }, undefined, 'unusable'],
  ] as const)('%s', (_what, look, role, kind) => {
    expect(state(look, role).kind).toBe(kind);
  });

  it('of another version is upgraded, written or left alone', () => {
    const place = { schema: 'j', role: undefined, version: 0 };
    expect(judgeVersion(place, 'deploy', undefined).kind).toBe('outdated');
    expect(judgeVersion(place, 'deploy', { version: VERSION - 1, writableFrom: 1 }).kind).toBe('outdated');
    expect(judgeVersion(place, 'deploy', { version: VERSION + 5, writableFrom: VERSION }).kind).toBe('ready');
    expect(judgeVersion(place, 'deploy', { version: VERSION + 5, writableFrom: VERSION + 1 }).kind).toBe('unusable');
  });

  it('gets JSON that PostgreSQL takes', () => {
    expect(toJson({ a: 'x\0y', b: '\uD800', c: 'é😀' })).toBe('{"a":"x\uFFFDy","b":"\uFFFD","c":"é😀"}');
    expect(toJson({ backslash: String.raw`\u0000` })).toBe(JSON.stringify({ backslash: String.raw`\u0000` }));
  });
});

describe('rollback --run', () => {
  it.each([
    [['1', '2', '3'], ['2', '3'], { undo: ['3', '2'] }],
    [['1', '2'], ['2', '3'], { undo: ['2'] }],
    [['1'], ['2', '3'], { undo: [] }],
    [['1', '2', '3', '4'], ['2', '3'], { newer: ['4'] }],
    [['1', '2', '4', '3'], ['2', '3'], { newer: ['4'] }],
  ])('of a tenant with %j where the run applied %j is %j', (applied, names, expected) => {
    expect(endToUndo(applied, names)).toEqual(expected);
  });

  it('decides separately about tenants that came to the same place by different runs', () => {
    const members = ['a', 'b', 'c', 'd'].map((schema, index) => ({ schema, oid: index }));
    const cohort = {
      type: null,
      state: { kind: 'upToDate' },
      applied: ['1', '2'],
      tableExists: true,
      members,
    } as Cohort;
    const done = new Map([
      ['a', { migrations: ['1', '2'], oid: 0 }],
      ['b', { migrations: ['2'], oid: 1 }],
      ['c', { migrations: ['1', '2'], oid: 99 }],
    ]);
    expect(splitCohort(cohort, done).map((part) => part.members.map(({ schema }) => schema))).toEqual([
      ['a'],
      ['b'],
      ['c'],
      ['d'],
    ]);
  });
});

describe('the recorded command line', () => {
  it.each([
    [['--database', 'postgres://u:p@h/d'], `tenants migrate --database '***'`],
    [['--database=postgres://u:p@h/d'], `tenants migrate '--database=***'`],
    [['--set', 'key=hidden', '--set=note=hidden too'], `tenants migrate --set 'key=***' '--set=note=***'`],
    [['--set', 'hidden'], `tenants migrate --set '***'`],
    [['--tenant', 'it is', '--to', '0001_x'], `tenants migrate --tenant 'it is' --to 0001_x`],
    [['postgres://u:p@h/d'], `tenants migrate 'postgres://u:***@h/d'`],
  ])('of %j is %s', (argv, expected) => {
    expect(commandLine('migrate', argv)).toBe(expected);
  });
});

it.each([
  ['12h', 12 * 3_600_000],
  ['90d', 90 * 86_400_000],
  ['6w', 42 * 86_400_000],
  ['3MO', 90 * 86_400_000],
  ['1y', 365 * 86_400_000],
  ['5', undefined],
  ['-1d', undefined],
  ['1.5d', undefined],
  ['3m', undefined],
])('the age %s is %s ms', (text, expected) => {
  expect(parseAge(text)).toBe(expected);
});

it('a moment is said as people do', () => {
  const at = new Date(2026, 10, 27, 14, 2);
  expect(formatWhen(at.toISOString(), new Date(2026, 10, 27, 23, 59))).toBe('today 14:02');
  expect(formatWhen(at.toISOString(), new Date(2026, 10, 28, 0, 1))).toBe('yesterday 14:02');
  expect(formatWhen(at.toISOString(), new Date(2026, 11, 24))).toBe('2026-11-27 14:02');
});

it('what comes from the journal reaches the terminal cleaned', () => {
  const run = {
    id: 1,
    command: 'migrate',
    commandLine: 'tenants migrate \u001B[31m--tenant x',
    startedAt: '2026-11-27T14:02:00.000Z',
    finishedAt: null,
    exitCode: null,
    state: 'interrupted' as const,
    counts: { failed: 2 },
    user: 'a\u001B]0;title\u0007b',
    databaseUser: null,
    host: 'h',
    version: null,
    commit: null,
    wholeFleet: true,
    shared: null,
    error: null,
  };
  const text = formatRuns({ runs: [run] }, { color: false });
  // oxlint-disable-next-line no-control-regex
  expect(text).not.toMatch(/[\u001B\u0007]/);
  expect(text).toContain('ended from outside: 2 failed');
});
