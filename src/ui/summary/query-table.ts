import type { QueryRows } from '../../each-tenant/query/types.js';
import type { FormatContext } from '../text/format-context.js';
import { createStyle } from '../text/style.js';
import { table } from '../text/table.js';

/** Maximum number of rows that are aligned together; a longer result is printed as several tables. */
const ROWS = 1000;

/** OIDs of the types whose values are right-aligned. */
const NUMBERS: ReadonlySet<number> = new Set([20, 21, 23, 26, 700, 701, 1700]);

/** Turns rows into tables as they arrive. Both functions return lines to print. */
export type QueryTable = { add(part: QueryRows): string[]; end(): string[] };

/**
 * One table with the tenants' names in the first column; a new table begins when the columns change or when there are too
 * many rows to keep in memory. On a terminal a table fits the width.
 */
export function createQueryTable(context: FormatContext): QueryTable {
  const style = createStyle(context.color);
  let shape: QueryRows['columns'] = [];
  let waiting: string[][] = [];
  const flush = (): string[] => {
    if (waiting.length === 0) return [];
    const lines = table(waiting, {
      header: ['tenant', ...shape.map(({ name }) => name)],
      columns: context.columns,
      // The name of a tenant may have to be typed.
      shrink: shape.map((_, index) => index + 1),
      right: shape.flatMap(({ type }, index) => (NUMBERS.has(type) ? [index + 1] : [])),
      paint: (text, _column, row) => (row === 'header' ? style.dim(text) : text),
    });
    waiting = [];
    return lines;
  };
  return {
    add({ tenant, columns, rows }) {
      const lines = sameColumns(shape, columns) ? [] : flush();
      shape = columns;
      for (const row of rows) {
        waiting.push([tenant, ...row.map((value) => value ?? 'NULL')]);
        if (waiting.length >= ROWS) lines.push(...flush());
      }
      return lines;
    },
    end: flush,
  };
}

function sameColumns(a: QueryRows['columns'], b: QueryRows['columns']): boolean {
  return a.length === b.length && a.every(({ name, type }, index) => name === b[index]?.name && type === b[index].type);
}
