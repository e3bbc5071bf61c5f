import { clean } from './clean.js';
import { displayWidth, pad, truncate } from './display-width.js';

export type TableOptions = {
  header?: readonly string[];
  /** Width to fit; absent when the output is piped, and then nothing is truncated. */
  columns?: number | undefined;
  /** Right-aligned columns. */
  right?: readonly number[];
  /** Columns that may be truncated. Default: all. */
  shrink?: readonly number[];
  /** Styles a cell after padding; receives plain text. */
  paint?: (text: string, column: number, row: number | 'header') => string;
};

const GAP = 2;
const NARROWEST = 4;

/** Rows as aligned lines: two spaces between columns, no tabs, no trailing spaces. Cells are cleaned here. */
export function table(rows: readonly (readonly string[])[], options: TableOptions = {}): string[] {
  const cells = rows.map((row) => row.map(clean));
  const header = options.header?.map(clean);
  const widths = fit(naturalWidths(header ? [header, ...cells] : cells), options);
  const line = (row: readonly string[], index: number | 'header') => drawRow(row, index, widths, options);
  return [...(header ? [line(header, 'header')] : []), ...cells.map(line)];
}

function naturalWidths(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell));
    });
  }
  return widths;
}

/** Shrinks the widest truncatable column by one at a time until the table fits or nothing more can be truncated. */
function fit(widths: number[], { columns, shrink }: TableOptions): number[] {
  if (columns === undefined) return widths;
  const fitted = [...widths];
  let excess = fitted.reduce((sum, width) => sum + width, 0) + GAP * (fitted.length - 1) - columns;
  for (; excess > 0; excess--) {
    let widest = -1;
    fitted.forEach((width, column) => {
      if (shrink && !shrink.includes(column)) return;
      if (width > NARROWEST && width > (fitted[widest] ?? 0)) widest = column;
    });
    if (widest < 0) break;
    fitted[widest] = (fitted[widest] ?? 0) - 1;
  }
  return fitted;
}

function drawRow(row: readonly string[], index: number | 'header', widths: number[], options: TableOptions): string {
  const cells = row.map((cell, column) => {
    const width = widths[column] ?? 0;
    const last = column === row.length - 1;
    const side = options.right?.includes(column) ? 'right' : 'left';
    const cut = truncate(cell, width);
    const text = last && side === 'left' ? cut : pad(cut, width, side);
    return options.paint ? options.paint(text, column, index) : text;
  });
  return cells.join(' '.repeat(GAP)).trimEnd();
}
