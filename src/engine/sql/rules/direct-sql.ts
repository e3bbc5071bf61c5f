import type { Statement } from '../../types.js';
import { analyzeSql } from '../analyze-sql.js';
import type { SqlContext } from '../types.js';
import { formatRefusals } from './format-refusals.js';

/**
 * The statements of a text that a migration in direct mode sends at this moment.
 *
 * Throws `MIGRATION_REFUSED` when one of them must not reach the server; none of the text has been sent by then, and the
 * caller rolls the tenant's transaction back.
 */
export function assertDirectSql(sql: string, context: SqlContext): Statement[] {
  const { statements, refusals } = analyzeSql(sql, context);
  if (refusals.length === 0) return statements;
  throw formatRefusals(
    refusals,
    `Migration ${context.migration} was stopped: it sent SQL that must not reach a tenant.`,
  );
}
