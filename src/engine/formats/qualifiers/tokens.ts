import { scanTokens, type Token } from '../../sql/parse/parser.js';

/** `schema . name` in a text, in bytes of its UTF-8. */
export type QualifiedPlace = {
  /** Where the schema begins. */
  start: number;
  /** Where the name begins and ends. */
  nameStart: number;
  nameEnd: number;
  name: string;
  /** The name is a word of the grammar that is not quoted: alone it may mean something else. */
  keyword: boolean;
};

/** A string in a text, in bytes of its UTF-8, as it is written. */
export type StringPlace = { start: number; end: number; written: string };

/** What of a text may have to do with a schema: all places where a name begins with it, and all strings. */
export function readPlaces(
  bytes: Buffer,
  text: string,
  schema: string,
): { qualified: QualifiedPlace[]; strings: StringPlace[] } | undefined {
  const tokens = scanTokens(text);
  if (tokens === undefined) return undefined;
  const written = ({ start, end }: Token): string => bytes.toString('utf8', start, end);
  const qualified: QualifiedPlace[] = [];
  const strings: StringPlace[] = [];
  for (const [index, token] of tokens.entries()) {
    if (isString(written(token))) strings.push({ start: token.start, end: token.end, written: written(token) });
    const [dot, name] = tokens.slice(index + 1, index + 3);
    if (dot === undefined || name === undefined || written(dot) !== '.') continue;
    const before = tokens[index - 1];
    if (identifier(written(token)) !== schema || (before !== undefined && written(before) === '.')) continue;
    const named = identifier(written(name));
    if (named === undefined) continue;
    qualified.push({
      start: token.start,
      nameStart: name.start,
      nameEnd: name.end,
      name: named,
      keyword: name.keyword,
    });
  }
  return { qualified, strings };
}

function isString(written: string): boolean {
  return /^(?:[eEnN]?'|\$)/.test(written) && written.length > 1 && !/^\$\d/.test(written);
}

/** The value of an identifier as it is written; upper case folds as in the server, for ASCII. */
function identifier(written: string): string | undefined {
  if (/^".*"$/s.test(written)) return written.slice(1, -1).replaceAll('""', '"');
  return /^[A-Za-z_\u0080-\uFFFF][\w$\u0080-\uFFFF]*$/.test(written)
    ? written.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
    : undefined;
}
