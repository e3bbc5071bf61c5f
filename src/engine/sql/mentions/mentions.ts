import type { Node } from 'libpg-query';

import { loadSqlParser, parseTree, scanTokens } from '../parse/parser.js';
import { mentionsInConstant, mentionsInTokens } from './in-tokens.js';
import { mentionsInDefinition, mentionsInStatements } from './in-tree.js';
import type { SchemaMention } from './types.js';

/** A stored text: the body of a function in its language, or what the server prints of a view, a default and the like. */
export type StoredText =
  | { kind: 'body'; language: string; text: string }
  | { kind: 'statement' | 'expression'; text: string };

/**
 * The names that a stored text uses for schemas, or may use. Comments are not looked at, and neither are names that are put
 * together from parts at run time.
 */
export async function findSchemaMentions(stored: StoredText): Promise<SchemaMention[]> {
  await loadSqlParser();
  return distinct(stored.kind === 'body' ? inBody(stored) : inDefinition(stored));
}

function inBody({ language, text }: Extract<StoredText, { kind: 'body' }>): SchemaMention[] {
  // The text of these is the name of a function of the server or of a library.
  if (language === 'c' || language === 'internal') return [];
  if (language === 'sql') {
    const parsed = parseTree(text);
    if (parsed.ok) {
      const nodes = parsed.statements.map(({ node }) => node);
      return mentionsInStatements(nodes, lines(text));
    }
  }
  if (language === 'sql' || language === 'plpgsql') {
    const tokens = scanTokens(text);
    if (tokens !== undefined) return mentionsInTokens(tokens, text);
  }
  return inStrings(text);
}

/** In other languages SQL stands in strings. */
function inStrings(text: string): SchemaMention[] {
  const lineOf = lines(text);
  return [...text.matchAll(/"""([^]*?)"""|'''([^]*?)'''|"((?:[^"\\]|\\[^])*)"|'((?:[^'\\]|\\[^])*)'/g)].flatMap(
    (match) => {
      const value = match.slice(1).find((group) => group !== undefined) ?? '';
      return mentionsInConstant(value, lineOf(Buffer.byteLength(text.slice(0, match.index))));
    },
  );
}

function inDefinition({ kind, text }: Extract<StoredText, { kind: 'statement' | 'expression' }>): SchemaMention[] {
  const parsed = parseTree(kind === 'statement' ? text : `SELECT (${text})`);
  if (!parsed.ok) return (scanTokens(text) ?? []).flatMap((token) => inToken(token));
  return mentionsInDefinition(parsed.statements.map(({ node }) => withoutBody(node)));
}

/** Without a grammar that knows the statement, its constants are all that can be told. */
function inToken({ kind, text }: { kind: string; text: string }): SchemaMention[] {
  return kind === 'string' ? mentionsInConstant(text.replace(/^[A-Za-z]?'/, '').replace(/'$/, ''), 1) : [];
}

/** The body and the settings of a function are looked at by themselves. */
function withoutBody(node: Node): Node {
  if (!('CreateFunctionStmt' in node)) return node;
  const { options, ...rest } = node.CreateFunctionStmt;
  const kept = options?.filter((option) => !('DefElem' in option && /^(?:as|set)$/.test(option.DefElem.defname ?? '')));
  return { CreateFunctionStmt: { ...rest, ...(kept === undefined ? {} : { options: kept }) } };
}

function distinct(mentions: readonly SchemaMention[]): SchemaMention[] {
  const bySchema = new Map<string, SchemaMention>();
  for (const mention of mentions) {
    const known = bySchema.get(mention.schema);
    if (known === undefined || (mention.certain && !known.certain)) bySchema.set(mention.schema, mention);
  }
  return [...bySchema.values()];
}

function lines(text: string): (byte: number) => number {
  const bytes = Buffer.from(text);
  return (byte) => bytes.subarray(0, byte).toString('latin1').split('\n').length;
}
