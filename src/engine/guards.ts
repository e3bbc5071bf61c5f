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
  return { text: `SELECT ${LOCKED('$1')}`, values: [tenantLock(schema)] };
}

/** Guard 1 together with settings of the transaction, which come first. */
export function settingsAndLock(schema: string, settings: Readonly<Record<string, string>>): BatchItem {
  const names = Object.keys(settings);
  const set = names.map((name, index) => `set_config('${name}', $${index + 2}, true)`);
  return {
    text: `SELECT ${[...set, LOCKED('$1')].join(', ')}`,
    values: [tenantLock(schema), ...Object.values(settings)],
  };
}

const LOCKED = (key: string): string =>
  `CASE WHEN pg_try_advisory_xact_lock(${key}::bigint) THEN 1 ELSE ${RAISE('busy')} END`;

/**
 * Guard 2: the schema is the one that the survey saw and statements go into it, the registry still names it, and its
 * migrations table holds the list that was seen, or is not there where none was.
 *
 * Its own statement, so that it reads with a snapshot taken after the lock was had (the transaction is READ COMMITTED). One
 * statement, because each costs the server a look at its text, a plan and a portal.
 *
 * @param applied `undefined`: there is no migrations table.
 */
export function placeGuard(
  schema: string,
  schemaOid: number | null,
  applied: readonly string[] | undefined,
  settings: Pick<ApplySettings, 'migrationsTable' | 'registry'>,
): BatchItem {
  const values: (string | number)[] = [schema];
  const given = (value: string | number): string => `$${values.push(value)}`;
  const table = qualified(schema, settings.migrationsTable);
  const conditions = ['current_schema()::text = $1::text'];
  if (schemaOid !== null) {
    conditions.push(`(SELECT oid FROM pg_namespace WHERE nspname = $1::text::name) = ${given(schemaOid)}::oid`);
  }
  if (settings.registry !== undefined) {
    const { schema: shared, table: tenants, column } = settings.registry;
    conditions.push(`EXISTS (SELECT 1 FROM ${qualified(shared, tenants)} WHERE ${quoteIdentifier(column)} = $1::text)`);
  }
  if (applied === undefined) conditions.push(`to_regclass(${given(table)}::text) IS NULL`);
  else conditions.push(`${APPLIED_DIGEST_SQL} = ${given(appliedDigest(applied))}`);
  const from = applied === undefined ? '' : ` FROM ${table}`;
  return { text: `SELECT CASE WHEN ${conditions.join(' AND ')} THEN 1 ELSE ${RAISE('moved')} END${from}`, values };
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
  if (targets.length === 0) return undefined;
  const answer =
    mode === 'warn'
      ? 'found'
      : `CASE WHEN found IS NULL THEN 1 ELSE ('${FALL_THROUGH}' || found || left(pg_backend_pid()::text, 0))::int END`;
  const values = [schema];
  const selects: string[] = [];
  // Only what there is to look for: to plan a look at functions costs the server more than all the other guards.
  for (const kind of KINDS) {
    const found = targets.filter((target) => target.kind === kind);
    if (found.length === 0) continue;
    values.push(arrayLiteral(found));
    selects.push(`SELECT name FROM unnest($${values.length}::text[]) AS name WHERE ${FALLS_THROUGH[kind]}`);
  }
  const missing = selects.join(' UNION ALL ');
  return {
    text: `SELECT ${answer} FROM (SELECT string_agg(name, ', ') AS found FROM (${missing}) AS missing) AS checked`,
    values,
  };
}

const KINDS = ['relation', 'type', 'function'] as const satisfies DdlTarget['kind'][];

/** Whether the schema `$1` has no such object, while the search path finds one. */
const FALLS_THROUGH: Readonly<Record<DdlTarget['kind'], string>> = {
  relation: `to_regclass(quote_ident($1::text) || '.' || quote_ident(name)) IS NULL AND to_regclass(quote_ident(name)) IS NOT NULL`,
  type: `to_regtype(quote_ident($1::text) || '.' || quote_ident(name)) IS NULL AND to_regtype(quote_ident(name)) IS NOT NULL`,
  function: `NOT EXISTS (SELECT 1 FROM pg_proc WHERE proname = name AND pronamespace::regnamespace::text = quote_ident($1::text))
    AND EXISTS (SELECT 1 FROM pg_proc p WHERE proname = name AND pg_function_is_visible(p.oid))`,
};

function arrayLiteral(targets: readonly DdlTarget[]): string {
  const quoted = targets.map(({ name }) => `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
  return `{${[...new Set(quoted)].join(',')}}`;
}
