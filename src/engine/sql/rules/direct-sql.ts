import type { ApplySettings, Statement } from '../../types.js';
import { analyzeSql } from '../analyze-sql.js';
import type { Analysis, Refusal, SqlContext } from '../types.js';
import { describeRefusal, formatRefusals } from './format-refusals.js';

/** What a migration in direct mode may change. */
export type DirectRules = {
  /** The schema in which the migration runs, which it may name. */
  schema: string;
  /** What becomes of statements that change what is outside it. */
  fallThrough: ApplySettings['fallThrough'];
  warn(message: string): void;
};

/**
 * The statements of a text that a migration in direct mode sends at this moment.
 *
 * Throws `MIGRATION_REFUSED` when one of them must not reach the server; none of the text has been sent by then, and the
 * caller rolls the tenant's transaction back.
 */
export function assertDirectSql(sql: string, context: SqlContext, rules?: DirectRules): Statement[] {
  const analysis = analyzeSql(sql, context);
  const refusals = [...analysis.refusals];
  if (rules !== undefined && rules.fallThrough !== 'off') {
    const outside = outsideRefusals(analysis, context, rules.schema);
    if (rules.fallThrough === 'error') refusals.push(...outside);
    else for (const one of outside) rules.warn(describeRefusal(one));
  }
  if (refusals.length === 0) return analysis.statements;
  throw formatRefusals(
    refusals,
    `Migration ${context.migration} was stopped: it sent SQL that must not reach a tenant.`,
  );
}

/** Refusals of everything that is changed outside a schema; without one, of all that is named with a schema. */
export function outsideRefusals(
  { changesOutside }: Analysis,
  { migration, file }: Pick<SqlContext, 'migration' | 'file'>,
  own?: string,
): Refusal[] {
  return changesOutside
    .filter(({ schema }) => schema === undefined || schema !== own)
    .map(({ line, statement, reason }) => ({
      migration,
      file,
      ...(line === undefined ? {} : { line }),
      kind: 'changesOutside',
      reason,
      statement,
    }));
}
