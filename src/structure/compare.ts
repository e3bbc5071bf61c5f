import { isDeepStrictEqual } from 'node:util';

import { addition, change, describe, removal } from './describe/definitions.js';
import type { Difference, Item, Parts } from './types.js';

/**
 * How a schema differs from the reference, object by object, in the order of the reference. What belongs to a table that is missing
 * or unexpected as a whole is not listed again. Pure.
 */
export function compareItems(reference: readonly Item[], present: readonly Item[]): Difference[] {
  const expected = byKey(reference);
  const actual = byKey(present);
  const [wanted, found] = [relations(reference), relations(present)];
  const isMissing = (name: string | null): boolean => name !== null && wanted.has(name) && !found.has(name);
  const isUnexpected = (name: string | null): boolean => name !== null && found.has(name) && !wanted.has(name);
  const differences: Difference[] = [];
  for (const [key, item] of expected) {
    const other = actual.get(key);
    if (other === undefined) {
      if (!isMissing(item.parent)) differences.push(missingItem(item, reference));
    } else {
      const difference = differentItem(item, other);
      if (difference !== undefined) differences.push(difference);
    }
  }
  for (const [key, item] of actual) {
    if (!expected.has(key) && !isUnexpected(item.parent)) differences.push(unexpectedItem(item));
  }
  return differences;
}

function missingItem(item: Item, reference: readonly Item[]): Difference {
  const { kind, object } = item;
  const children = kind === 'table' ? reference.filter(({ parent }) => parent === object) : [];
  return {
    kind,
    object,
    change: 'missing',
    expected: describe(item),
    actual: null,
    sql: addition(item, children),
  };
}

function unexpectedItem(item: Item): Difference {
  const { kind, object } = item;
  return { kind, object, change: 'unexpected', expected: null, actual: describe(item), sql: removal(item) };
}

function differentItem(expected: Item, actual: Item): Difference | undefined {
  const [before, after] = ofTable(expected.parts, actual.parts);
  if (isDeepStrictEqual(before, after)) return undefined;
  const [wanted, found] = [
    { ...expected, parts: before },
    { ...actual, parts: after },
  ];
  return {
    kind: expected.kind,
    object: expected.object,
    change: 'different',
    expected: describe(wanted, found),
    actual: describe(found, wanted),
    sql: change(wanted, found),
  };
}

/** Columns that only one table has are differences of their own: here the order of those that both have counts. */
function ofTable(expected: Parts, actual: Parts): [Parts, Parts] {
  const [before, after] = [expected['columns'], actual['columns']];
  if (!Array.isArray(before) || !Array.isArray(after)) return [expected, actual];
  const both = (columns: unknown[], others: unknown[]): unknown[] => columns.filter((name) => others.includes(name));
  return [
    { ...expected, columns: both(before, after) },
    { ...actual, columns: both(after, before) },
  ];
}

function byKey(items: readonly Item[]): Map<string, Item> {
  return new Map(items.map((item) => [keyOf(item), item]));
}

function keyOf({ kind, object }: Pick<Item, 'kind' | 'object'>): string {
  return JSON.stringify([kind, object]);
}

function relations(items: readonly Item[]): Set<string> {
  return new Set(items.filter(({ kind }) => kind === 'table' || kind === 'view').map(({ object }) => object));
}
