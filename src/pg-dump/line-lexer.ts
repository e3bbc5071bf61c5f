/**
 * Where in a script a line begins: outside of everything (`atStatement` when a statement could begin there), or inside
 * something that ends with a certain text.
 */
export type LexerState =
  | { kind: 'free'; atStatement: boolean }
  | { kind: 'quote'; end: string; backslashes: boolean }
  | { kind: 'comment'; depth: number };

export const START: LexerState = { kind: 'free', atStatement: true };

/** Where the next line begins when this one began in `state`. A line holds its line feed. Pure. */
export function lexLine(line: string, state: LexerState): LexerState {
  if (state.kind === 'free' && !OPENS.test(line)) return plainLine(line.trimEnd(), state);
  let current = state;
  for (let at = 0; at < line.length;) {
    const [next, length] = step(line, at, current);
    current = next;
    at += length;
  }
  return current;
}

/** What a quote or a comment could begin with; most lines have nothing of it and need not be read letter by letter. */
const OPENS = /['"$]|--|\/\*/;

function plainLine(line: string, state: LexerState): LexerState {
  return line === '' ? state : { kind: 'free', atStatement: line.endsWith(';') };
}

const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uFFFF][\w\u0080-\uFFFF]*)?\$/y;
const WORD = /[A-Za-z_\u0080-\uFFFF][\w$\u0080-\uFFFF]*/y;

function step(line: string, at: number, state: LexerState): [next: LexerState, length: number] {
  if (state.kind === 'comment') return inComment(line, at, state.depth);
  if (state.kind === 'quote') return inQuote(line, at, state);
  const one = line[at] ?? '';
  if (/\s/.test(one)) return [state, 1];
  if (one === ';') return [START, 1];
  // A comment leaves a statement that could begin before it able to begin after it.
  if (line.startsWith('--', at)) return [state, line.length - at];
  if (line.startsWith('/*', at)) return [{ kind: 'comment', depth: 1 }, 2];
  if (one === "'" || one === '"') return [{ kind: 'quote', end: one, backslashes: false }, 1];
  if (/e/i.test(one) && line[at + 1] === "'") return [{ kind: 'quote', end: "'", backslashes: true }, 2];
  const tag = match(DOLLAR_QUOTE, line, at);
  if (tag !== '') return [{ kind: 'quote', end: tag, backslashes: false }, tag.length];
  return [{ kind: 'free', atStatement: false }, Math.max(1, match(WORD, line, at).length)];
}

/** A doubled quote ends one literal and begins the next, which comes to the same. */
function inQuote(line: string, at: number, state: LexerState & { kind: 'quote' }): [LexerState, number] {
  if (state.backslashes && line[at] === '\\') return [state, 2];
  if (line.startsWith(state.end, at)) return [{ kind: 'free', atStatement: false }, state.end.length];
  if (state.backslashes) return [state, 1];
  const found = line.indexOf(state.end, at);
  return [state, (found === -1 ? line.length : found) - at];
}

function inComment(line: string, at: number, depth: number): [LexerState, number] {
  if (line.startsWith('/*', at)) return [{ kind: 'comment', depth: depth + 1 }, 2];
  if (!line.startsWith('*/', at)) return [{ kind: 'comment', depth }, 1];
  return [depth === 1 ? { kind: 'free', atStatement: false } : { kind: 'comment', depth: depth - 1 }, 2];
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}
