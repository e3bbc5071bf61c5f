import type { Node } from 'libpg-query';

import { TenantsError } from '../../errors/tenants-error.js';
import type { DdlTarget } from '../types.js';
import { loadSqlParser } from './parse/parser.js';
import { splitSql } from './parse/split.js';
import { contains } from './parse/walk.js';
import { changesOutside } from './rules/changes-outside.js';
import { fallThrough } from './rules/fall-through.js';
import { needsNoTransaction } from './rules/outside-transaction.js';

/** One statement that may be run in tenant after tenant. */
export type QueryStatement = {
  sql: string;
  /** Unqualified objects that it changes, which must be the tenant's own. */
  targets: DdlTarget[];
  /** Why it changes something that cannot be the tenant's own, as far as its text says so. */
  outside: string | undefined;
  /** It reads or writes rows, and does nothing else, such as TRUNCATE, for which policies do not hold. */
  ofRows: boolean;
};

/**
 * Looks at what a person wants to run in every tenant: one statement, that lives inside the transaction it is given and
 * leaves the session as it was. Whether it may write is for the transaction to say, not for its text.
 *
 * @throws TenantsError USAGE with the reason.
 */
export async function parseQuery(text: string): Promise<QueryStatement> {
  await loadSqlParser();
  if (text.includes('\0')) throw refused('The statement contains a NUL character.');
  const split = splitSql(text);
  if (!split.ok) throw refused(`The statement cannot be read: ${split.message}.`);
  const [statement, ...more] = split.statements;
  if (statement === undefined) throw refused('The query contains no statement.');
  if (more.length > 0) {
    throw refused(
      `There are ${more.length + 1} statements where one is expected.`,
      'Run them one by one, or put them into one statement with WITH.',
    );
  }
  const { sql, node } = statement;
  const reason = refusedBecause(node);
  if (reason !== undefined) throw refused(reason);
  if (contains(node, new Set(['ParamRef']))) {
    throw refused('The statement has a parameter such as $1, and there is nothing to fill it with.');
  }
  return {
    sql,
    targets: fallThrough([node], 'query').targets,
    outside: changesOutside(node)[0]?.reason,
    ofRows: OF_ROWS.has(Object.keys(node)[0] ?? ''),
  };
}

const OF_ROWS = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

const REASONS: Readonly<Record<string, string>> = {
  TransactionStmt: 'transaction control is not accepted: each tenant has its own transaction',
  VariableSetStmt: 'settings are not accepted: they would end with the statement, or reach the next tenant',
  CopyStmt: 'COPY is not accepted: use SELECT with --csv, or psql through the command exec',
  PrepareStmt: 'prepared statements are not accepted: there is only this one',
  ExecuteStmt: 'prepared statements are not accepted: there is only this one',
  DeallocateStmt: 'prepared statements are not accepted: there is only this one',
  DeclareCursorStmt: 'cursors are not accepted: there is only this one statement',
  FetchStmt: 'cursors are not accepted: there is only this one statement',
  ClosePortalStmt: 'cursors are not accepted: there is only this one statement',
  ListenStmt: 'LISTEN is not accepted: the session ends with the statement',
  UnlistenStmt: 'UNLISTEN is not accepted: the session ends with the statement',
  DiscardStmt: 'DISCARD is not accepted: the session ends with the statement',
  LoadStmt: 'LOAD is not accepted: the session ends with the statement',
};

function refusedBecause(node: Node): string | undefined {
  const reason = REASONS[Object.keys(node)[0] ?? ''];
  if (reason !== undefined) return `The statement is refused: ${reason}.`;
  const what = needsNoTransaction(node);
  return what === undefined ? undefined : `The statement is refused: ${what} cannot run inside a transaction.`;
}

function refused(message: string, ...suggestions: string[]): TenantsError {
  return new TenantsError('USAGE', message, { suggestions });
}
