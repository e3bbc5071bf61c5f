import { scanTokens, type Token } from '../parse/parser.js';
import type { SchemaMention } from './types.js';

/** A name as it is written in SQL. */
const NAME = String.raw`(?:[A-Za-z_\u0080-\uFFFF][\w$\u0080-\uFFFF]*|"(?:[^"]|"")+")`;
const LIST = new RegExp(String.raw`^\s*${NAME}(?:\s*,\s*${NAME})*\s*$`);
/** `acme.projects`, and the beginning of one that is put together: `'acme.' || name`. */
const QUALIFIED = new RegExp(String.raw`^\s*(${NAME})\s*\.\s*(?:${NAME})?\s*$`);
/** Words that a text begins with which is put together to be executed. */
const STATEMENT =
  /^\s*(?:alter|analyze|call|comment|copy|create|delete|do|drop|explain|grant|insert|lock|merge|refresh|reindex|revoke|select|set|truncate|update|vacuum|with)\b/i;

/** Constants within constants are looked into this deep. */
const DEPTH = 3;

/** Words after which a qualified name is that of an object, and its first part a schema. */
const BEFORE_OBJECT: ReadonlySet<string> = new Set(
  'call extension function index into join materialized only procedure references routine sequence table truncate type update view'.split(
    ' ',
  ),
);
/** Words after which it usually is; but `IS DISTINCT FROM OLD.name` is a column. */
const MAYBE_BEFORE_OBJECT: ReadonlySet<string> = new Set(['from', 'perform', '::']);

/** Rows that are not declared. */
const ROWS: readonly string[] = ['new', 'old', 'excluded'];

/**
 * Finds what may be a schema in text whose structure is not known, such as the body of a PL/pgSQL function, by the tokens around
 * dots. A name that the text also uses by itself is an alias, a variable or a table, and the name after it a column.
 */
export function mentionsInTokens(tokens: readonly Token[], text: string, depth = DEPTH): SchemaMention[] {
  const lineOf = lineCounter(text);
  const own = ownNames(tokens);
  const mentions: SchemaMention[] = [];
  tokens.forEach((token, at) => {
    if (token.kind === 'string') {
      const certain = isSearchPath(tokens, at);
      const found = mentionsInConstant(stringValue(token.text), lineOf(token.start), depth);
      mentions.push(...(certain ? found.map((mention) => ({ ...mention, certain })) : found));
    } else if (token.kind === 'name') {
      const certain = certainty(tokens, at, own);
      if (certain !== undefined) mentions.push({ schema: foldName(token.text), certain, line: lineOf(token.start) });
    }
  });
  return mentions;
}

/** Whether the name at this position stands for a schema; `undefined`: it does not. */
function certainty(tokens: readonly Token[], at: number, own: ReadonlySet<string>): boolean | undefined {
  const text = (offset: number): string => tokens[at + offset]?.text.toLowerCase() ?? '';
  if (text(1) !== '.') return isSearchPath(tokens, at) ? true : undefined;
  if (text(-1) === '.') return undefined;
  const before = text(-1);
  // SELECT … INTO may fill a field of a row, and FOR UPDATE is no statement.
  const writes = before !== 'into' || /^(?:insert|merge)$/.test(text(-2));
  if (BEFORE_OBJECT.has(before) && writes && text(-2) !== 'for') return true;
  if (own.has(foldName(tokens[at]?.text ?? ''))) return undefined;
  if (MAYBE_BEFORE_OBJECT.has(before)) return true;
  const isType = text(3) === '%' && text(4) === 'rowtype';
  return text(3) === '(' || text(3) === '.' || isType;
}

/** Names that the text uses without a dot after them: aliases, variables, tables. */
function ownNames(tokens: readonly Token[]): Set<string> {
  const names = tokens.filter(({ kind }, at) => kind === 'name' && tokens[at + 1]?.text !== '.');
  return new Set([...ROWS, ...names.map(({ text }) => foldName(text))]);
}

/** `SET search_path TO a, b`, and the second argument of `set_config('search_path', 'a, b', …)`. */
function isSearchPath(tokens: readonly Token[], at: number): boolean {
  let first = at;
  while (tokens[first - 1]?.text === ',' && tokens[first - 2]?.kind !== 'other') first -= 2;
  if (tokens[first]?.text.toLowerCase() === `'search_path'`) return at === first + 2 && tokens[at]?.kind === 'string';
  const [word, sign] = tokens.slice(Math.max(0, first - 2), first).map(({ text }) => text.toLowerCase());
  return word === 'search_path' && (sign === 'to' || sign === '=');
}

/** The value of a string constant; escapes of `E''` and `U&''` are left as they are, but for quotes. */
function stringValue(constant: string): string {
  const dollar = /^\$[^$]*\$/.exec(constant)?.[0];
  if (dollar !== undefined) return constant.slice(dollar.length, -dollar.length);
  return constant
    .replace(/^(?:[EeBbXxNn]|[Uu]&)?'/, '')
    .replace(/'$/, '')
    .replaceAll(/''|\\'/g, "'");
}

/** Tells the line of a byte of a text; asked in ascending order. */
function lineCounter(text: string): (offset: number) => number {
  const bytes = Buffer.from(text);
  let line = 1;
  let at = 0;
  return (offset) => {
    for (const end = Math.min(offset, bytes.length); at < end; at += 1) if (bytes[at] === 0x0a) line += 1;
    return line;
  };
}

/**
 * What the value of a string constant may name as a schema: it is a name or a list of names (a search path, a value to compare
 * with), a qualified name, or SQL that is executed.
 */
export function mentionsInConstant(value: string, line: number, depth = DEPTH): SchemaMention[] {
  if (value.trim() === '') return [];
  const [, qualifier] = QUALIFIED.exec(value) ?? [];
  if (qualifier !== undefined) return [{ schema: foldName(qualifier), certain: true, line }];
  const whole = { schema: value, certain: false, line };
  if (LIST.test(value)) {
    const names = value.match(new RegExp(NAME, 'g')) ?? [];
    return [whole, ...names.map((name) => ({ schema: foldName(name), certain: false, line }))];
  }
  if (depth === 0) return [whole];
  const found = mentionsInTokens(scanTokens(value) ?? [], value, depth - 1);
  const isStatement = STATEMENT.test(value);
  return [
    whole,
    ...found
      .filter(({ certain }) => certain || isStatement)
      .map((mention) => ({ ...mention, line: line + mention.line - 1 })),
  ];
}

/** The name that an identifier means: without quotes it is folded to lower case. */
export function foldName(identifier: string): string {
  if (identifier.startsWith('"')) return identifier.slice(1, -1).replaceAll('""', '"');
  return identifier.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
