import type { Node } from 'libpg-query';

import { skipBlank } from './lexer.js';
import { parseTree } from './parser.js';

/**
 * One statement with its parse tree; `line` is where its first token stands in the file. `start` counts bytes of UTF-8 from the
 * beginning of the text (without a byte order mark), as the locations in the tree do.
 */
export type ParsedStatement = { sql: string; node: Node; start: number; line?: number };

export type SplitOutcome =
  | { ok: true; statements: ParsedStatement[] }
  /** `position` is an index into the text (UTF-16 units). */
  | { ok: false; message: string; position: number | undefined };

const NEWLINE = 0x0a;

/**
 * Splits a text into its statements, without their semicolons and the comments before them.
 *
 * Comments inside and after a statement stay; so do hint comments. A byte order mark at the beginning is dropped: the
 * server would take it for part of a word.
 */
export function splitSql(text: string, firstLine?: number): SplitOutcome {
  const sql = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const parsed = parseTree(sql);
  if (!parsed.ok) {
    const dropped = text.length - sql.length;
    const position = parsed.position === undefined ? undefined : dropped + codePointIndex(sql, parsed.position);
    return { ok: false, message: parsed.message, position };
  }
  // stmt_location and stmt_len count bytes of UTF-8; the last statement, and one that runs to the end, have no length.
  const bytes = Buffer.from(sql, 'utf8');
  const lines = firstLine === undefined ? undefined : lineCounter(bytes, firstLine);
  let end = 0;
  const statements = parsed.statements.map(({ node, start, length }): ParsedStatement => {
    // From the end of the statement before, because the grammar counts a hint comment as no part of this one.
    const begin = end;
    end = length === undefined ? bytes.length : start + length;
    const slice = bytes.toString('utf8', begin, end);
    const blank = skipBlanksAndSemicolons(slice);
    const statement = slice.slice(blank).trimEnd();
    const first = begin + Buffer.byteLength(slice.slice(0, blank));
    return { sql: statement, node, start: first, ...(lines === undefined ? {} : { line: lines(first) }) };
  });
  return { ok: true, statements };
}

/** The line of an index into a text that begins in `firstLine` of its file. */
export function lineAt(text: string, index: number, firstLine: number): number {
  return lineCounter(Buffer.from(text.slice(0, index)), firstLine)(Number.POSITIVE_INFINITY);
}

/** Tells the line of a byte; must be asked in ascending order, so that a long text is walked once. */
function lineCounter(bytes: Buffer, firstLine: number): (offset: number) => number {
  let line = firstLine;
  let at = 0;
  return (offset) => {
    for (const end = Math.min(offset, bytes.length); at < end; at += 1) if (bytes[at] === NEWLINE) line += 1;
    return line;
  };
}

function skipBlanksAndSemicolons(text: string): number {
  let at = skipBlank(text);
  while (text[at] === ';') at = skipBlank(text, at + 1);
  return at;
}

function codePointIndex(text: string, codePoints: number): number {
  let index = 0;
  for (let left = codePoints; left > 0 && index < text.length; left -= 1) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
  }
  return index;
}
