import { array, constantFrom, oneof, string, uniqueArray, type Arbitrary } from 'fast-check';

/** Names that have broken programs, and parts that random names are mixed with. */
const TRAPS = [
  'select',
  'Select',
  'user',
  'null',
  '1digit',
  '$1',
  '$$',
  '$body$',
  '"',
  '""',
  "'",
  `'; DROP SCHEMA public CASCADE; --`,
  '\\',
  String.raw`\'`,
  String.raw`\x41`,
  '%s %I %L %1$s %%',
  ' leading',
  'trailing ',
  '\t',
  '\n-- ',
  '/* ',
  '*/',
  ',',
  '"a","b"',
  'a.b',
  '{a,"b"}',
  '[0]',
  ':name',
  '?',
  '@',
  '__proto__',
  'constructor',
  'pgmigrations',
  'a b',
  'ä',
  'a\u0308',
  'İ',
  'ß',
  '\u00A0',
  '\u2028',
  '\u0085',
  '\u202E',
  '\uFEFF',
  '\uFFFF',
  '𝒳😀',
  '\u{10FFFF}',
  '\x01\x1B[31m\x7F',
  'x'.repeat(63),
  'é'.repeat(31),
];

/** As much of a text as 63 bytes hold, in whole characters. */
function cut(text: string): string {
  let kept = '';
  for (const character of text) {
    if (Buffer.byteLength(kept + character) > 63) break;
    kept += character;
  }
  return kept;
}

/** Text without NUL, of all planes of Unicode. */
export const anyText: Arbitrary<string> = array(
  oneof(
    { weight: 3, arbitrary: constantFrom(...TRAPS) },
    { weight: 2, arbitrary: string({ unit: 'binary', maxLength: 10 }) },
    { weight: 2, arbitrary: string({ unit: 'binary-ascii', maxLength: 10 }) },
  ),
  { minLength: 1, maxLength: 4 },
).map((parts) => parts.join('').replaceAll('\0', ''));

/** Any name that a PostgreSQL object can have: 1 to 63 bytes without NUL. */
export const anyName: Arbitrary<string> = anyText.map(cut).filter((name) => name !== '');

/** Any name that someone may have given to a schema and that a search path can lead to. */
export const anySchema: Arbitrary<string> = anyName.filter(
  (name) => !name.startsWith('pg_') && !['$user', 'public', 'information_schema'].includes(name),
);

/** Names of which some differ in case or white space only. */
export const schemas = (count: number): Arbitrary<string[]> =>
  uniqueArray(anySchema, { minLength: count, maxLength: count })
    .map((names) => [...new Set(names.flatMap((name) => [name, cut(name.toUpperCase()), cut(` ${name}`)]))])
    .map((names) => names.slice(0, count));
