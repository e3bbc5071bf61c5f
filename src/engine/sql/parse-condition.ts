import { TenantsError } from '../../errors/tenants-error.js';
import { loadSqlParser } from './parse/parser.js';
import { splitSql } from './parse/split.js';
import { contains } from './parse/walk.js';

const BEFORE = 'SELECT 1 WHERE ';

/** What the statement around the condition has by itself. */
const OWN_PARTS: ReadonlySet<string> = new Set(['targetList', 'whereClause', 'limitOption', 'op']);

/**
 * Reads a condition for a `WHERE`: one SQL expression and nothing else, no parameters. The result can be put into
 * parentheses, with a line break before the closing one because it may end with a comment.
 *
 * @throws TenantsError USAGE with the reason.
 */
export async function parseCondition(text: string): Promise<string> {
  if (text.trim() === '') throw refused(text, 'it is empty');
  if (text.includes('\0')) throw refused(text, 'it contains a NUL character');
  await loadSqlParser();
  const split = splitSql(BEFORE + text);
  if (!split.ok) throw refused(text, split.message);
  const [statement, ...more] = split.statements;
  if (statement === undefined || more.length > 0) throw refused(text, 'it is more than one expression');
  const { sql, node } = statement;
  const select = 'SelectStmt' in node ? node.SelectStmt : {};
  const alone = select.op === 'SETOP_NONE' && Object.keys(select).every((part) => OWN_PARTS.has(part));
  if (!alone || select.whereClause === undefined) throw refused(text, 'it is more than one expression');
  if (contains(node, new Set(['ParamRef']))) throw refused(text, 'it has a parameter such as $1');
  return sql.slice(BEFORE.length);
}

function refused(text: string, reason: string): TenantsError {
  return new TenantsError('USAGE', `The condition ${JSON.stringify(text)} cannot be used: ${reason}.`, {
    suggestions: [`A condition is one SQL expression on the columns of the tenant table: "plan = 'pro'"`],
  });
}
