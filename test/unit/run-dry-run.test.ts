import { describe, expect, it } from 'vitest';

import { appliedAfterMigrations, appliedAsFiles, replacingMigration } from '../../src/engine/replaced.js';
import type { CompiledMigration, Plan } from '../../src/engine/types.js';
import { compareWithMigrationFiles } from '../../src/fleet/schema-state.js';
import { mergeStatements } from '../../src/run/dry-run/merge-statements.js';
import { takeInTurn } from '../../src/run/dry-run/sample.js';
import { tryableOf, untriedAfter } from '../../src/run/dry-run/tryable.js';
import { replacedBy } from '../../src/util/migration-comments.js';

describe('the sample of a dry run', () => {
  it.each([
    [[[], ['a', 'b', 'c'], ['c', 'b', 'a']], 2, ['a', 'c']],
    [[['b'], ['a', 'b', 'c'], ['c', 'b', 'a']], 3, ['b', 'a', 'c']],
    [[['b'], ['a', 'b'], ['b', 'a']], 1, ['b']],
    [[[], ['a'], ['a']], 5, ['a']],
  ])('takes of %j %i in turn', (lists, count, taken) => {
    expect(takeInTurn(lists, count)).toEqual(taken);
  });
});

describe('statements of several tenants', () => {
  it('are one list with the longest time, the most WAL and all locks', () => {
    const one = {
      migration: 'm',
      sql: 'x',
      ms: 1,
      locks: [{ object: 't', mode: 'ShareLock' }],
      rewrites: false,
      walBytes: 9,
    };
    const other = { ...one, ms: 3, locks: [{ object: 'u', mode: 'ShareLock' }], rewrites: true, walBytes: 5 };
    expect(mergeStatements([[one, one], [other]])).toEqual([
      { ...one, ms: 3, rewrites: true, locks: [...one.locks, ...other.locks] },
      one,
    ]);
  });
});

const migration = (name: string, transaction = true): CompiledMigration => ({
  ...replacingMigration({ name, path: name, replaces: [] }, []),
  transaction,
});
const planOf = (...segments: CompiledMigration[][]): Plan =>
  ({
    segments: segments.map((migrations) => ({ transaction: migrations[0]?.transaction === true, migrations })),
  }) as Plan;

describe('what of a plan is not tried', () => {
  const plan = planOf([migration('a')], [migration('b', false)], [migration('c'), migration('d')]);
  const { segment, notTried } = tryableOf(plan);
  it.each([
    ['42P01', 'c', ['b', 'c', 'd']],
    ['55P04', 'c', ['b', 'c', 'd']],
    ['55P04', 'a', ['b', 'a', 'c', 'd']],
    ['42P01', 'a', undefined],
    ['23505', 'c', undefined],
    ['42P01', undefined, undefined],
  ])('after %s in %s is %j', (sqlstate, name, untried) => {
    expect(segment.migrations.map((one) => one.name)).toEqual(['a', 'c', 'd']);
    const found = untriedAfter(plan, notTried, { sqlstate, migration: name, message: 'why' });
    expect(found?.map((one) => one.migration)).toEqual(untried);
  });
});

describe('a file that replaces migrations', () => {
  const files = [
    { name: 's', path: 's', replaces: ['a', 'b'] },
    { name: 'c', path: 'c' },
  ];
  it.each([
    [[], true, { kind: 'pending', pending: ['s', 'c'] }],
    [['a', 'b'], true, { kind: 'pending', pending: ['s', 'c'] }],
    [['a', 'b', 'c'], true, { kind: 'pending', pending: ['s'] }],
    [['s', 'c'], true, { kind: 'upToDate' }],
    [['a'], false, { kind: 'ahead', unknown: ['a'], replacedBy: 's' }],
    [['a', 'b', 'x'], true, { kind: 'ahead', unknown: ['x'] }],
    [['c', 'a', 'b'], true, { kind: 'outOfOrder', expected: 's', found: 'c' }],
  ])('makes of %j with checkOrder %s: %j', (applied, checkOrder, state) => {
    expect(compareWithMigrationFiles(files, applied, checkOrder)).toEqual(state);
  });

  it('takes the place of the last of them', () => {
    expect(appliedAsFiles(files, ['a', 'b', 'c'])).toEqual(['s', 'c']);
    const replacing = replacingMigration({ name: 's', path: 's', replaces: ['a', 'b'] }, ['b', 'a', 'c']);
    expect(replacing.replaces).toEqual(['b', 'a']);
    expect(appliedAfterMigrations(['b', 'a', 'c'], [replacing], 'up')).toEqual(['s', 'c']);
  });

  it('names them in comments on lines of their own', () => {
    expect(
      replacedBy('-- tenants: replaces 1_a 2_b\n-- Tenants: replaces 3_c, 4_d\r\n-- tenants: replaces\nSELECT 1;'),
    ).toEqual(['1_a', '2_b', '3_c', '4_d']);
    expect(replacedBy("SELECT '-- tenants: replaces 1_a'")).toEqual([]);
  });
});
