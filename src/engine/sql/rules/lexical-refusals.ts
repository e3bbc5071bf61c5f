import { lexicalPieces, psqlCommands } from '../parse/lexer.js';
import { lineAt } from '../parse/split.js';
import type { Refusal, SqlContext } from '../types.js';
import { refusal, type ReasonKind } from './refusals.js';

/** How refused statements begin; savepoints are let through, as `refusedBecause` does. */
const BEGINNINGS: [RegExp, ReasonKind][] = [
  [/^begin\b(?!\s+atomic)/i, 'transactionControl'],
  [/^start\s+transaction\b/i, 'transactionControl'],
  [/^(commit|abort)\b/i, 'transactionControl'],
  [/^end(\s+(work|transaction))?(\s+and\b.*)?$/is, 'transactionControl'],
  [/^rollback\b(?!\s+((work|transaction)\s+)?to\b)/i, 'transactionControl'],
  [/^prepare\s+transaction\b/i, 'transactionControl'],
  [/^set\s+(transaction|session\s+characteristics)\b/i, 'transactionMode'],
  [/^copy\b.*\b(from\s+stdin|to\s+stdout)\b/is, 'copyStdio'],
];

/** The rows after `COPY … FROM stdin;` up to the line that ends them. */
const COPY_ROWS = /^(copy\b[^;]*\bfrom\s+stdin\b[^;]*;[^\n]*\n)(.*?^\\\.)[ \t\r]*$/gims;

/**
 * Refusals in a text that the grammar does not accept.
 *
 * A newer server may accept it all the same, and then a `COMMIT` inside would do its harm; and dumps of pg_dump do not
 * parse because of the rows after `COPY … FROM stdin` and of psql's own commands, which is what the reader must be told.
 */
export function lexicalRefusals(text: string, context: SqlContext): Refusal[] {
  const found: { index: number; kind: ReasonKind; sql: string }[] = [];
  const atomic = /\bbegin\s+atomic\b/i.test(text);
  // Blanked, not cut, so that every index stays; a single quote in a row would swallow what follows.
  const blank = (part: string) => part.replace(/[^\n]/g, ' ');
  const withoutRows = text.replace(COPY_ROWS, (_, copy: string, rows: string) => copy + blank(rows));
  const withoutCommands: string[] = [];
  let end = 0;
  for (const { text: command, start } of psqlCommands(withoutRows)) {
    found.push({ index: start, kind: 'psqlCommand', sql: command });
    withoutCommands.push(withoutRows.slice(end, start), blank(command));
    end = start + command.length;
  }
  withoutCommands.push(withoutRows.slice(end));
  for (const { text: piece, start } of lexicalPieces(withoutCommands.join(''))) {
    const kind = BEGINNINGS.find(([pattern]) => pattern.test(piece))?.[1];
    // Cut at its semicolons, the body of a BEGIN ATOMIC function ends in a piece of its own.
    if (kind !== undefined && !(atomic && /^end\b/i.test(piece))) found.push({ index: start, kind, sql: piece });
  }
  found.sort((a, b) => a.index - b.index);
  return found.map(({ index, kind, sql }) => refusal(kind, sql, lineOf(text, index, context), context));
}

export function lineOf(text: string, index: number, { firstLine }: SqlContext): number | undefined {
  return firstLine === undefined ? undefined : lineAt(text, index, firstLine);
}
