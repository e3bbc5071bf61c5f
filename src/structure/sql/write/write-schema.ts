import { isDeepStrictEqual } from 'node:util';

import type { Client } from 'pg';

import { change } from '../../describe/definitions.js';
import type { Item } from '../../types.js';
import { attempt, createInOrder } from './create-in-order.js';
import { creationsOf } from './creations.js';
import { changeGrants } from './grants.js';

export type Writing = {
  /** The objects that are wanted, with owners and privileges. */
  items: readonly Item[];
  /** Runs when the tables are there and nothing acts on their rows yet. */
  insertRows: () => Promise<string[]>;
  /** The objects that are there by now. */
  readItems: () => Promise<Item[]>;
};

/** Rounds in which what still differs is changed: a change can make another one possible. */
const ROUNDS = 4;

/**
 * Finds the statements that make a schema, by running them in an empty one that has nothing but a migrations table. The
 * transaction is open, and its search path leads into that schema; all of it is rolled back later.
 *
 * @returns the statements that succeeded, in their order, and why others did not
 */
export async function writeSchema(
  client: Client,
  { items, insertRows, readItems }: Writing,
): Promise<{ statements: string[]; failed: string[] }> {
  const statements: string[] = [];
  const start = new Set((await readItems()).map((item) => keyOf(item)));
  const wanted = creationsOf(items).filter(({ item }) => !start.has(keyOf(item)));
  let rows: string[] = [];
  const { order, failed } = await createInOrder(client, wanted, async () => {
    rows = await insertRows();
  });
  const early = order.filter(({ late }) => !late);
  const firstLate = order.findIndex(({ late }) => late);
  const before = firstLate < 0 ? order : order.slice(0, firstLate);
  // Those that had to wait for keys stand behind the first of the late ones.
  statements.push(...before.map(({ sql }) => sql), ...rows, ...order.slice(before.length).map(({ sql }) => sql));
  if (rows.length > 0) {
    for (const { item } of early) {
      if (item.kind !== 'view' || item.parts['kind'] !== 'materialized') continue;
      const sql = `REFRESH MATERIALIZED VIEW ${item.object};`;
      if ((await attempt(client, sql)) === undefined) statements.push(sql);
    }
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    const changes = changesOf(items, await readItems());
    const done: string[] = [];
    for (const sql of changes) if ((await attempt(client, sql)) === undefined) done.push(sql);
    if (done.length === 0) break;
    statements.push(...done);
  }
  return {
    statements,
    failed: failed.map(({ creation: { item }, message }) => `${item.kind} ${item.object}: ${message}`),
  };
}

/** The statements that make what is there like what is wanted, as far as that does not mean to make it anew. */
function changesOf(items: readonly Item[], present: readonly Item[]): string[] {
  const found = new Map(present.map((item) => [keyOf(item), item]));
  return items.flatMap((item) => {
    const actual = found.get(keyOf(item));
    if (actual === undefined || isDeepStrictEqual(item.parts, actual.parts)) return [];
    switch (item.kind) {
      case 'table':
      case 'column':
      case 'sequence':
        return change(item, actual) ?? [];
      case 'owner': {
        const owner = change(item, actual);
        return owner === null ? changeGrants(item, actual) : [owner];
      }
      default:
        return [];
    }
  });
}

function keyOf({ kind, object }: Item): string {
  return JSON.stringify([kind, object]);
}
