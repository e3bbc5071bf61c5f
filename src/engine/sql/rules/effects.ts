import type { Node } from 'libpg-query';

import { booleanOption } from '../parse/options.js';
import { contains, functionCalls } from '../parse/walk.js';

const CHANGES_ROWS: ReadonlySet<string> = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);
const RUNS_CODE: ReadonlySet<string> = new Set(['DoStmt', 'CallStmt', 'ExecuteStmt', 'FetchStmt']);

/**
 * Whether a statement may write rows, so that deferred constraints can be pending after it.
 *
 * A function may write anything, so a query that calls one counts; the definition of a view, a rule or a function does
 * not run, so what stands in it does not.
 */
export function writesRows(node: Node): boolean {
  const type = Object.keys(node)[0] ?? '';
  if (CHANGES_ROWS.has(type) || RUNS_CODE.has(type)) return true;
  if ('SelectStmt' in node || 'DeclareCursorStmt' in node) return queryWrites(node);
  if ('CopyStmt' in node) return node.CopyStmt.is_from === true || queryWrites(node.CopyStmt.query);
  if ('CreateTableAsStmt' in node) {
    const { query } = node.CreateTableAsStmt;
    return query !== undefined && (queryWrites(query) || contains(query, RUNS_CODE));
  }
  if ('ExplainStmt' in node) {
    const { query, options } = node.ExplainStmt;
    return query !== undefined && booleanOption(options, 'analyze') === true && writesRows(query);
  }
  return false;
}

/**
 * Whether a statement runs code whose creations cannot be read from its text.
 *
 * A `DO` block counts only when it executes made-up SQL or calls something: what it creates in plain words is found by
 * `bodyNodes`.
 */
export function isDynamic(node: Node): boolean {
  if ('DoStmt' in node) {
    return speaksAnotherLanguage(node.DoStmt.args) || /\b(execute|perform|call)\b/i.test(bodyOf(node) ?? '');
  }
  if ('CallStmt' in node || 'ExecuteStmt' in node || 'CreateExtensionStmt' in node) return true;
  return 'SelectStmt' in node && functionCalls(node).some(({ name }) => !HARMLESS.test(name));
}

/** The source text of a `DO` block, `undefined` for other statements. */
export function bodyOf(node: Node): string | undefined {
  if (!('DoStmt' in node)) return undefined;
  for (const option of node.DoStmt.args ?? []) {
    if (
      'DefElem' in option &&
      option.DefElem.defname === 'as' &&
      option.DefElem.arg &&
      'String' in option.DefElem.arg
    ) {
      return option.DefElem.arg.String.sval;
    }
  }
  return undefined;
}

function speaksAnotherLanguage(options: Node[] | undefined): boolean {
  return (options ?? []).some((option) => {
    if (!('DefElem' in option) || option.DefElem.defname !== 'language') return false;
    const language = option.DefElem.arg;
    return language === undefined || !('String' in language) || language.String.sval !== 'plpgsql';
  });
}

/** Functions that migrations often call and that create nothing. */
const HARMLESS = /^(set_config|current_setting|setval|nextval|currval|now|count|pg_(try_)?advisory_\w+|pg_notify)$/;

function queryWrites(query: Node | undefined): boolean {
  return query !== undefined && (contains(query, CHANGES_ROWS) || functionCalls(query).length > 0);
}
