/** Where a text stops being JSON, and what stands there instead. Never quotes the text: it may hold a password. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';

  constructor(
    readonly line: number,
    readonly column: number,
    readonly expected: string,
  ) {
    super(`line ${line}, column ${column}: expected ${expected}`);
  }
}

/**
 * `JSON.parse` whose error names line and column (from 1) and quotes nothing: V8's own message shows a piece of the text,
 * and only some of them say where it is. A byte order mark is accepted.
 */
export function parseJson(text: string): unknown {
  const source = text.replace(/^\uFEFF/, '');
  try {
    return JSON.parse(source);
  } catch {
    const { offset, expected } = firstFault(source);
    const before = source.slice(0, offset).split('\n');
    throw new JsonSyntaxError(before.length, (before.at(-1)?.length ?? 0) + 1, expected);
  }
}

type Fault = { offset: number; expected: string };

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[ !#-[\]-\uFFFF]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** Walks the text as JSON.parse would, after that has refused it, and throws nothing: it returns the first fault. */
function firstFault(text: string): Fault {
  let offset = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = offset;
    const matched = pattern.exec(text)?.[0] ?? '';
    offset += matched.length;
    return matched !== '';
  };
  const take = (mark: string): boolean => {
    skip(SPACE);
    if (text[offset] !== mark) return false;
    offset += 1;
    return true;
  };
  const fault = (expected: string): Fault => ({ offset, expected });

  const members = (end: string, member: () => Fault | undefined): Fault | undefined => {
    if (take(end)) return undefined;
    for (;;) {
      const found = member();
      if (found !== undefined) return found;
      if (take(end)) return undefined;
      if (!take(',')) return fault(`',' or '${end}'`);
    }
  };
  const property = (): Fault | undefined => {
    skip(SPACE);
    if (!skip(STRING)) return fault('a key in double quotes');
    return take(':') ? value() : fault("':'");
  };
  const value = (): Fault | undefined => {
    if (take('{')) return members('}', property);
    if (take('[')) return members(']', value);
    return skip(STRING) || skip(SCALAR) ? undefined : fault('a value');
  };

  const found = value();
  if (found !== undefined) return found;
  skip(SPACE);
  return fault('nothing more');
}

/** An object with keys: no array, no null, no function. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
