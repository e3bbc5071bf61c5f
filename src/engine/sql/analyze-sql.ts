import type { Node } from 'libpg-query';

import type { Statement } from '../types.js';
import { objectName } from './names/names.js';
import { skipBlank } from './parse/lexer.js';
import { splitSql, type ParsedStatement } from './parse/split.js';
import { type ChangeOutside, changesOutside, changesOutsideUnparsed } from './rules/changes-outside.js';
import { isDynamic, writesRows } from './rules/effects.js';
import { fallThrough } from './rules/fall-through.js';
import { lexicalRefusals, lineOf } from './rules/lexical-refusals.js';
import { needsNoTransaction } from './rules/outside-transaction.js';
import { refusal, refusedBecause, withoutWholeTransaction } from './rules/refusals.js';
import { leavesSessionState } from './rules/session-state.js';
import { shorten } from './rules/shorten.js';
import { hasUncheckedTarget } from './rules/unchecked-targets.js';
import type { Analysis, SqlContext } from './types.js';

/**
 * Takes a text of SQL apart and says what each statement would do to the session, the transaction and the tenant.
 *
 * Never throws for what the text contains: refused statements are collected. Synchronous; `loadSqlParser` must have been
 * awaited before.
 */
export function analyzeSql(text: string, context: SqlContext): Analysis {
  // The server would take a byte order mark for part of a word.
  const sql = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (sql.includes('\0')) {
    const line = lineOf(sql, sql.indexOf('\0'), context);
    return { ...nothing(), refusals: [refusal('nulCharacter', sql.slice(skipBlank(sql)), line, context)] };
  }
  const split = splitSql(sql, context.firstLine);
  if (!split.ok) return unparsed(sql, split.message, split.position, context);

  const analysis = nothing();
  const unwrapped = withoutWholeTransaction(split.statements);
  if (unwrapped !== undefined) {
    analysis.droppedTransaction = true;
    const at = place(context, split.statements[0]?.line);
    analysis.warnings.push(
      `${at}: BEGIN and COMMIT around the whole text were left out; a tenant has its own transaction.`,
    );
  }
  const statements = unwrapped ?? split.statements;
  for (const statement of statements) examine(statement, context, analysis);

  const found = fallThrough(
    statements.map(({ node }) => node),
    context.migration,
  );
  const { targets, creates, dynamic, leavesSearchPath } = found;
  if (leavesSearchPath !== undefined && leavesSearchPath < statements.length - 1) {
    const at = place(context, statements[leavesSearchPath]?.line);
    analysis.warnings.push(
      `${at}: the search path is changed here; unqualified names after it are not looked up in the tenant's schema.`,
    );
  }
  return { ...analysis, targets, creates, dynamic };
}

function examine({ sql, node, line }: ParsedStatement, context: SqlContext, analysis: Analysis): void {
  const position = line === undefined ? {} : { line };
  const reason = refusedBecause(node);
  if (reason !== undefined) analysis.refusals.push(refusal(reason, sql, line, context));
  if ('CreateExtensionStmt' in node) {
    const { extname = '', if_not_exists = false } = node.CreateExtensionStmt;
    analysis.extensions.push({ name: extname, ifNotExists: if_not_exists, ...position });
  }
  const what = needsNoTransaction(node);
  if (what !== undefined) analysis.outsideTransaction.push({ statement: shorten(sql), what, ...position });
  analysis.changesOutside.push(...outside(changesOutside(node), sql, line));
  analysis.statements.push({ sql, ...position, ...marks(node) });
}

function outside(changes: ChangeOutside[], sql: string, line: number | undefined): Analysis['changesOutside'] {
  const distinct = new Map(changes.map((change) => [change.reason, change]));
  const statement = shorten(sql);
  return [...distinct.values()].map((change) => ({ ...change, statement, ...(line === undefined ? {} : { line }) }));
}

function marks(node: Node): Partial<Statement> {
  return {
    ...(leavesSessionState(node) ? { session: true } : {}),
    ...(writesRows(node) ? { writes: true } : {}),
    ...(('SelectStmt' in node && isDynamic(node)) || hasUncheckedTarget(node) ? { watched: true } : {}),
    ...concurrentIndex(node),
  };
}

/** Only unqualified names: a half-built index is looked for in the tenant's own schema. */
function concurrentIndex(node: Node): Partial<Statement> {
  if ('IndexStmt' in node) {
    const { concurrent, relation, idxname } = node.IndexStmt;
    if (!concurrent || relation?.relname === undefined || relation.schemaname !== undefined) return {};
    return { createsIndex: { name: idxname ?? null, table: relation.relname } };
  }
  if (!('DropStmt' in node) || !node.DropStmt.concurrent) return {};
  const names = (node.DropStmt.objects ?? []).flatMap((object) => objectName('OBJECT_INDEX', object));
  return names.some(({ schema }) => schema !== undefined) ? {} : { dropsIndexes: names.map(({ name }) => name) };
}

/** The server may know a grammar that we do not: the text is sent as it is, unless it holds what must not be sent. */
function unparsed(sql: string, message: string, position: number | undefined, context: SqlContext): Analysis {
  const refusals = lexicalRefusals(sql, context);
  const begin = skipBlank(sql);
  const line = lineOf(sql, begin, context);
  const statement: Statement = {
    sql,
    unparsed: true,
    session: true,
    writes: true,
    ...(line === undefined ? {} : { line }),
  };
  const at = place(context, lineOf(sql, position ?? begin, context));
  const warnings =
    refusals.length > 0
      ? []
      : [`${at}: ${message}. The text is sent to the server as it is; if the server agrees, every tenant fails here.`];
  // Only a text with an error in it is cut into pieces: one that has crashed the parser would do so again.
  const pieces = position === undefined ? [] : changesOutsideUnparsed(sql);
  const found = pieces.flatMap((piece) => outside(piece.changes, piece.sql, lineOf(sql, piece.index, context)));
  return { ...nothing(), statements: [statement], refusals, warnings, changesOutside: found, dynamic: true };
}

function place({ file }: SqlContext, line: number | undefined): string {
  return line === undefined ? file : `${file}:${line}`;
}

function nothing(): Analysis {
  return {
    statements: [],
    refusals: [],
    warnings: [],
    targets: [],
    creates: [],
    extensions: [],
    outsideTransaction: [],
    changesOutside: [],
    droppedTransaction: false,
    dynamic: false,
  };
}
