import type { Node, TransactionStmt } from 'libpg-query';

import type { ParsedStatement } from '../parse/split.js';
import type { Refusal, RefusalKind, SqlContext } from '../types.js';
import { shorten } from './shorten.js';

const SAVEPOINTS: ReadonlySet<string> = new Set([
  'TRANS_STMT_SAVEPOINT',
  'TRANS_STMT_RELEASE',
  'TRANS_STMT_ROLLBACK_TO',
]);

export const REASONS = {
  transactionControl:
    'Transaction control would end the transaction in which a tenant is migrated, and what follows would run in another schema.',
  transactionMode: 'The mode of the transaction is fixed for all migrations and cannot be set by one of them.',
  copyStdio:
    'COPY from STDIN or to STDOUT needs a client that sends or takes the rows; use INSERT, or COPY with a file on the server.',
  psqlCommand: 'A backslash command belongs to psql and means nothing to the server.',
  nulCharacter: 'The text contains a NUL character, at which the server would stop reading.',
} as const satisfies Partial<Record<RefusalKind, string>>;

export type ReasonKind = keyof typeof REASONS;

/**
 * Why a statement must not be sent; `undefined` when it may.
 *
 * Savepoints are allowed. Bodies of `DO` blocks and procedures are not looked into: inside a transaction block the server
 * itself answers 2D000 to a `COMMIT` or `ROLLBACK` in them, and 0A000 to one through `EXECUTE` (tried on PostgreSQL 18).
 */
export function refusedBecause(node: Node): ReasonKind | undefined {
  if ('TransactionStmt' in node) {
    return SAVEPOINTS.has(node.TransactionStmt.kind ?? '') ? undefined : 'transactionControl';
  }
  if ('VariableSetStmt' in node) return setsTransactionMode(node.VariableSetStmt) ? 'transactionMode' : undefined;
  if ('CopyStmt' in node) return node.CopyStmt.filename === undefined ? 'copyStdio' : undefined;
  return undefined;
}

export function refusal(kind: ReasonKind, sql: string, line: number | undefined, context: SqlContext): Refusal {
  const { migration, file } = context;
  const made: Refusal = { migration, file, kind, reason: REASONS[kind], statement: shorten(sql) };
  return line === undefined ? made : { ...made, line };
}

/**
 * Takes off one `BEGIN … COMMIT` that wraps the whole text, as many SQL files have it.
 *
 * `undefined` when the text is not wrapped, or when there is more transaction control between the two.
 */
export function withoutWholeTransaction(statements: ParsedStatement[]): ParsedStatement[] | undefined {
  const inner = statements.slice(1, -1);
  const first = transactionOf(statements[0]);
  const last = statements.length > 1 ? transactionOf(statements.at(-1)) : undefined;
  const begins = first?.kind === 'TRANS_STMT_BEGIN' || first?.kind === 'TRANS_STMT_START';
  const ends = last?.kind === 'TRANS_STMT_COMMIT' && last.chain !== true;
  if (!begins || !ends) return undefined;
  return inner.some(({ node }) => refusedBecause(node) === 'transactionControl') ? undefined : inner;
}

function transactionOf(statement: ParsedStatement | undefined): TransactionStmt | undefined {
  const node = statement?.node;
  return node !== undefined && 'TransactionStmt' in node ? node.TransactionStmt : undefined;
}

/** `SET TRANSACTION`, `SET SESSION CHARACTERISTICS`, and the settings of the running transaction by name. */
function setsTransactionMode({ kind, name }: { kind?: string; name?: string }): boolean {
  return kind === 'VAR_SET_MULTI' || /^transaction_(isolation|read_only|deferrable)$/i.test(name ?? '');
}
