import type { ResultColumn, ResultPart } from '../../db/portal.js';

/** The column that says whose row it is. */
export const TENANT_COLUMN = 'tenant';

const TEXT = 25;
const BIGINT = 20;

/**
 * A part of a result with columns that can be told apart: a second `a` is called `a_1`, and a column `tenant` of the
 * statement's own `tenant_1`. A statement without a result becomes one row that says what it did. Pure.
 */
export function tabulate({ columns, rows, command = '' }: ResultPart): {
  columns: ResultColumn[];
  rows: (string | null)[][];
} {
  if (columns !== undefined) return { columns: distinct(columns), rows };
  const [, tag = '', count = null] = /^(\D*?)(?: (?:\d+ )?(\d+))?$/.exec(command) ?? [];
  return {
    columns: [
      { name: 'command', type: TEXT },
      { name: 'affected', type: BIGINT },
    ],
    rows: [[tag, count]],
  };
}

function distinct(columns: readonly ResultColumn[]): ResultColumn[] {
  const wanted = new Set(columns.map(({ name }) => name));
  const taken = new Set([TENANT_COLUMN]);
  return columns.map(({ name, type }) => {
    let free = name;
    for (let number = 1; taken.has(free) || (free !== name && wanted.has(free)); number += 1) {
      free = `${name}_${number}`;
    }
    taken.add(free);
    return { name: free, type };
  });
}
