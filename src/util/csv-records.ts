/** One record of a CSV file; a cell in quotes is text even if it is empty. */
export type CsvRecord = {
  /** The line on which it begins, from 1. */
  line: number;
  cells: { text: string; quoted: boolean }[];
};

/** A place where a text is not CSV. */
export type CsvProblem = { line: number; message: string };

/** Up to the next quote, and up to the end of a cell. */
const QUOTED = /[^"]*/y;
const PLAIN = /[^,"\r\n]*/y;

/**
 * Reads CSV as RFC 4180 describes it: commas, quotes that are doubled inside quotes, line breaks of any kind, also within quotes.
 * A byte order mark is skipped, and so are lines without anything. Pure.
 *
 * Reading ends at the first problem, because what follows a quote that is not closed is not known.
 */
export function parseCsv(text: string): { records: CsvRecord[]; problem?: CsvProblem } {
  const records: CsvRecord[] = [];
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  let line = 1;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? '';
    at += found.length;
    return found;
  };
  while (at < text.length) {
    const record: CsvRecord = { line, cells: [] };
    for (;;) {
      const quoted = text[at] === '"';
      let cell = '';
      if (quoted) {
        const begin = line;
        at += 1;
        for (;;) {
          const part = take(QUOTED);
          cell += part;
          line += breaksIn(part);
          if (at >= text.length) return { records, problem: { line: begin, message: 'a quote is not closed' } };
          at += 1;
          if (text[at] !== '"') break;
          cell += '"';
          at += 1;
        }
      } else {
        cell = take(PLAIN);
      }
      record.cells.push({ text: cell, quoted });
      const next = text[at];
      if (next !== undefined && next !== ',' && next !== '\r' && next !== '\n') {
        const message = quoted
          ? 'a quoted value is followed by something else than a comma'
          : 'a quote stands inside a value that does not begin with one';
        return { records, problem: { line, message } };
      }
      if (next !== ',') break;
      at += 1;
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at += 1;
    at += 1;
    line += 1;
    const [first] = record.cells;
    if (record.cells.length > 1 || first?.quoted === true || first?.text !== '') records.push(record);
  }
  return { records };
}

function breaksIn(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}
