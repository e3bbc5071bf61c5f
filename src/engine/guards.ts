import { type BatchItem, qualified, quoteIdentifier, tenantLock } from '../db/index.js';
import { APPLIED_DIGEST_SQL, appliedDigest } from './bookkeeping.js';
import type { ApplySettings, DdlTarget } from './types.js';

/**
 * Guards are statements that fail when something is not as it should be. A failing one raises 22P02 by casting a word to
 * a number at run time; `pg_backend_pid()` keeps the planner from doing the cast beforehand.
 */
const RAISE = (word: string): string => `('${word} ' || pg_backend_pid())::int`;

/** Guard 1: nobody else changes this schema. Held to the end of the transaction. */
export function lockGuard(schema: string): BatchItem {
  return {
    text: `SELECT CASE WHEN pg_try_advisory_xact_lock($1::bigint) THEN 1 ELSE ${RAISE('busy')} END`,
    values: [tenantLock(schema)],
  };
}

/**
 * Guard 2: the schema is the one that the survey saw and statements go into it, the registry still names it, and its
 * migrations table exists exactly when it should.
 *
 * Its own statement, so that it reads with a snapshot taken after the lock was had (the transaction is READ COMMITTED).
 */
export function placeGuard(
  schema: string,
  schemaOid: number | null,
  tableExists: boolean,
  settings: Pick<ApplySettings, 'migrationsTable' | 'registry'>,
): BatchItem {
  const values: (string | number | boolean)[] = [schema, qualified(schema, settings.migrationsTable), tableExists];
  const conditions = ['current_schema()::text = $1::text', '(to_regclass($2::text) IS NOT NULL) = $3::bool'];
  if (schemaOid !== null) {
    values.push(schemaOid);
    conditions.push('(SELECT oid FROM pg_namespace WHERE nspname = $1::text::name) = $4::oid');
  }
  if (settings.registry !== undefined) {
    const { schema: shared, table, column } = settings.registry;
    conditions.push(`EXISTS (SELECT 1 FROM ${qualified(shared, table)} WHERE ${quoteIdentifier(column)} = $1::text)`);
  }
  return { text: `SELECT CASE WHEN ${conditions.join(' AND ')} THEN 1 ELSE ${RAISE('moved')} END`, values };
}

/** Guard 2, second part: the migrations table holds the expected list. */
export function listGuard(schema: string, table: string, applied: readonly string[]): BatchItem {
  return {
    text: `SELECT CASE WHEN ${APPLIED_DIGEST_SQL} = $1 THEN 1 ELSE ${RAISE('moved')} END FROM ${qualified(schema, table)}`,
    values: [appliedDigest(applied)],
  };
}

/** What the error message of a failing `fallThroughGuard` begins with, before the names. */
export const FALL_THROUGH = 'fall-through: ';

/**
 * The first half of the fall-through check: none of the objects that a migration is about to change is missing in the
 * tenant's schema while the search path would find one of that name elsewhere. In mode `warn` it answers the names
 * instead of failing. Nothing when there is nothing to check.
 */
export function fallThroughGuard(
  schema: string,
  targets: readonly DdlTarget[],
  mode: 'error' | 'warn' = 'error',
): BatchItem | undefined {
  const names = (kind: DdlTarget['kind']): string => arrayLiteral(targets.filter((one) => one.kind === kind));
  if (targets.length === 0) return undefined;
  const answer =
    mode === 'warn'
      ? 'found'
      : `CASE WHEN found IS NULL THEN 1 ELSE ('${FALL_THROUGH}' || found || left(pg_backend_pid()::text, 0))::int END`;
  return {
    text: `SELECT ${answer}
      FROM (SELECT string_agg(name, ', ') AS found FROM (
        SELECT name FROM unnest($2::text[]) AS name
         WHERE to_regclass(quote_ident($1::text) || '.' || quote_ident(name)) IS NULL AND to_regclass(quote_ident(name)) IS NOT NULL
        UNION ALL
        SELECT name FROM unnest($3::text[]) AS name
         WHERE to_regtype(quote_ident($1::text) || '.' || quote_ident(name)) IS NULL AND to_regtype(quote_ident(name)) IS NOT NULL
        UNION ALL
        SELECT name FROM unnest($4::text[]) AS name
         WHERE NOT EXISTS (SELECT 1 FROM pg_proc WHERE proname = name AND pronamespace::regnamespace::text = quote_ident($1::text))
           AND EXISTS (SELECT 1 FROM pg_proc p WHERE proname = name AND pg_function_is_visible(p.oid))
      ) AS missing) AS checked`,
    values: [schema, names('relation'), names('type'), names('function')],
  };
}

function arrayLiteral(targets: readonly DdlTarget[]): string {
  const quoted = targets.map(({ name }) => `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
  return `{${[...new Set(quoted)].join(',')}}`;
}
