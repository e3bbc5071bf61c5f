import { createRequire } from 'node:module';

import type * as LibPgQuery from 'libpg-query';

import { TenantsError } from '../../../errors/tenants-error.js';

type Parser = typeof LibPgQuery;
type Node = LibPgQuery.Node;

/** What the grammar says about one text; byte offsets count UTF-8. */
export type ParseOutcome =
  | { ok: true; statements: { node: Node; start: number; length: number | undefined }[] }
  /** `position` counts code points from 0. */
  | { ok: false; message: string; position: number | undefined };

/** A crashed instance still works for a while, and then may not even return: it is used no longer than this. */
const CRASHES_TOLERATED = 3;

/** Above this many UTF-16 units the JSON of the tree nears the longest string that V8 can hold. */
const LONGEST_TEXT = 32 * 1024 * 1024;

const TOO_DEEP = 'the text, or one before it, is too deeply nested to be examined';

let parser: Parser | undefined;
let crashes = 0;

/**
 * Loads PostgreSQL's grammar (libpg-query, WebAssembly); calls after the first cost nothing; await it before each compile.
 *
 * A tree that is too deep (some ten thousand operators in one expression) overflows the stack, and the module does not
 * get that stack back: after some of these it fails or hangs for every text. A crashed instance is therefore replaced here.
 */
export async function loadSqlParser(): Promise<void> {
  if (parser !== undefined && crashes === 0) return;
  const require = createRequire(import.meta.url);
  if (crashes > 0) forget(require, 'libpg-query');
  const loaded = require('libpg-query') as Parser;
  await loaded.loadModule();
  parser = loaded;
  crashes = 0;
}

/** Parses a text with the server's own grammar. Throws only when `loadSqlParser` was not awaited before. */
export function parseTree(sql: string): ParseOutcome {
  if (parser === undefined) {
    throw new TenantsError('UNEXPECTED', 'The SQL parser is not loaded: await loadSqlParser() first.');
  }
  // libpg-query refuses the empty text, the server does not.
  if (sql === '') return { ok: true, statements: [] };
  if (sql.length > LONGEST_TEXT) {
    return { ok: false, message: 'the text is too long to be examined', position: undefined };
  }
  if (crashes >= CRASHES_TOLERATED) return { ok: false, message: TOO_DEEP, position: undefined };
  try {
    return { ok: true, statements: rawStatements(parser.parseSync(sql)) };
  } catch (error) {
    if (parser.hasSqlDetails(error)) {
      return { ok: false, message: error.message, position: error.sqlDetails?.cursorPosition };
    }
    crashes += 1;
    return { ok: false, message: TOO_DEEP, position: undefined };
  }
}

/** A word, a constant or a sign of a text as the server's lexer sees it; `start` and `end` count bytes of UTF-8. */
export type Token = {
  kind: 'name' | 'string' | 'other';
  text: string;
  start: number;
  end: number;
  /** A word that the grammar knows, not in quotes. */
  keyword: boolean;
};

/**
 * Cuts a text into tokens with the server's own lexer, comments left out. `undefined` for text that it does not take, such as an
 * open quote. Needs `loadSqlParser`, like `parseTree`.
 */
export function scanTokens(sql: string): Token[] | undefined {
  if (parser === undefined) {
    throw new TenantsError('UNEXPECTED', 'The SQL parser is not loaded: await loadSqlParser() first.');
  }
  if (sql === '') return [];
  if (sql.length > LONGEST_TEXT || crashes >= CRASHES_TOLERATED) return undefined;
  try {
    const { tokens } = parser.scanSync(sql);
    return tokens.flatMap(({ text, start, end, keywordKind, tokenName, tokenType }): Token[] => {
      if (tokenName === 'SQL_COMMENT' || tokenName === 'C_COMMENT') return [];
      return [{ kind: kindOf(text, tokenName, tokenType), text, start, end, keyword: keywordKind !== 0 }];
    });
  } catch {
    return undefined;
  }
}

/** The token types of `U&"…"` and `U&'…'`, which the library has no names for (`gram.y`). */
const UIDENT = 259;
const USCONST = 262;

function kindOf(text: string, name: string, type: number): Token['kind'] {
  if (name === 'SCONST' || type === USCONST) return 'string';
  return name === 'IDENT' || type === UIDENT || /^[A-Za-z_\u0080-\uFFFF]/.test(text) ? 'name' : 'other';
}

function rawStatements(result: LibPgQuery.ParseResult): { node: Node; start: number; length: number | undefined }[] {
  const statements = [];
  for (const { stmt, stmt_location = 0, stmt_len = 0 } of result.stmts ?? []) {
    if (stmt !== undefined) {
      statements.push({ node: stmt, start: stmt_location, length: stmt_len === 0 ? undefined : stmt_len });
    }
  }
  return statements;
}

/** Drops a package's modules from the cache of `require`, so that the next `require` evaluates it anew. */
function forget(require: NodeJS.Require, name: string): void {
  const directory = require.resolve(name).replace(/[^/\\]+$/, '');
  for (const path of Object.keys(require.cache)) {
    if (path.startsWith(directory)) delete require.cache[path];
  }
}
