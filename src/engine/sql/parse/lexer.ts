/**
 * Where the first token begins at or after `from`: white space, a byte order mark and comments are passed over.
 *
 * Block comments nest, as in PostgreSQL. A hint comment (`/*+`) counts as a token, because extensions read it.
 */
export function skipBlank(text: string, from = 0): number {
  let at = from;
  for (;;) {
    const next = text[at];
    if (next === undefined) return at;
    if (' \t\n\r\f\v\uFEFF'.includes(next)) at += 1;
    else if (text.startsWith('--', at)) at = endOfLine(text, at);
    else if (text.startsWith('/*', at) && text[at + 2] !== '+') at = endOfComment(text, at);
    else return at;
  }
}

/** A stretch of text between top-level semicolons: `text` begins at its first token, `start` is where that stands. */
export type LexicalPiece = { text: string; start: number };

/**
 * Cuts a text at its semicolons without a grammar, minding quotes, dollar quotes and comments.
 *
 * For text that does not parse: the bodies of `BEGIN ATOMIC` functions are cut as well.
 */
export function lexicalPieces(text: string): LexicalPiece[] {
  const pieces: LexicalPiece[] = [];
  let start = skipBlank(text);
  let at = start;
  while (at < text.length) {
    if (text[at] === ';') {
      if (at > start) pieces.push({ text: text.slice(start, at).trimEnd(), start });
      start = skipBlank(text, at + 1);
      at = start;
    } else at = endOfToken(text, at);
  }
  if (start < text.length) pieces.push({ text: text.slice(start).trimEnd(), start });
  return pieces;
}

/**
 * The backslash commands of psql in a text, each to the end of its line: at the beginning of a line, and not in a string, a quoted name, a dollar quote or a comment.
 * Upper case would be a `\N` of COPY.
 */
export function psqlCommands(text: string): LexicalPiece[] {
  const commands: LexicalPiece[] = [];
  let at = 0;
  while (at < text.length) {
    PSQL_COMMAND.lastIndex = at;
    const command = at === 0 || text[at - 1] === '\n' ? PSQL_COMMAND.exec(text)?.[0] : undefined;
    if (command === undefined) at = endOfToken(text, at);
    else {
      commands.push({ text: command, start: at });
      at += command.length;
    }
  }
  return commands;
}

/** Where words begin that match a pattern, outside quotes and comments. */
export function wordPositions(text: string, pattern: RegExp): number[] {
  const positions: number[] = [];
  for (let at = 0; at < text.length; at = endOfToken(text, at)) {
    WORD.lastIndex = at;
    const word = WORD.exec(text)?.[0];
    if (word !== undefined && pattern.test(word)) positions.push(at);
  }
  return positions;
}

/** The parameters of a statement, `$1` and so on, outside quotes and comments; `end` is behind the last digit. */
export function parameterPositions(text: string): { number: number; start: number; end: number }[] {
  const positions: { number: number; start: number; end: number }[] = [];
  let at = 0;
  while (at < text.length) {
    PARAMETER.lastIndex = at;
    const parameter = PARAMETER.exec(text)?.[0];
    const end = parameter === undefined ? endOfToken(text, at) : at + parameter.length;
    if (parameter !== undefined) positions.push({ number: Number(parameter.slice(1)), start: at, end });
    at = end;
  }
  return positions;
}

const PARAMETER = /\$\d+/y;
const PSQL_COMMAND = /[ \t]*\\[a-z!?].*/y;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uFFFF][\w\u0080-\uFFFF]*)?\$/y;
const WORD = /[A-Za-z_\u0080-\uFFFF][\w$\u0080-\uFFFF]*/y;

function endOfToken(text: string, at: number): number {
  const next = text[at];
  if (next === "'" || next === '"') return endOfQuote(text, at, next, false);
  if ((next === 'e' || next === 'E') && text[at + 1] === "'") return endOfQuote(text, at + 1, "'", true);
  if (text.startsWith('--', at)) return endOfLine(text, at);
  if (text.startsWith('/*', at)) return endOfComment(text, at);
  if (next === '$') {
    DOLLAR_QUOTE.lastIndex = at;
    const tag = DOLLAR_QUOTE.exec(text)?.[0];
    if (tag !== undefined) return after(text.indexOf(tag, at + tag.length), tag.length, text);
  }
  // A whole word at once, or the dollar sign inside an identifier would look like the beginning of a quote.
  WORD.lastIndex = at;
  const word = WORD.exec(text)?.[0];
  return at + (word?.length ?? 1);
}

function endOfQuote(text: string, open: number, quote: string, backslashes: boolean): number {
  for (let at = open + 1; at < text.length; at += 1) {
    // A doubled quote ends one literal and begins the next, which comes to the same.
    if (text[at] === quote) return at + 1;
    if (backslashes && text[at] === '\\') at += 1;
  }
  return text.length;
}

function endOfLine(text: string, at: number): number {
  return after(text.indexOf('\n', at), 1, text);
}

function endOfComment(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    if (text.startsWith('/*', at)) {
      depth += 1;
      at += 1;
    } else if (text.startsWith('*/', at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

function after(found: number, length: number, text: string): number {
  return found === -1 ? text.length : found + length;
}
