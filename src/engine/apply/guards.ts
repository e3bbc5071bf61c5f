import type { BatchItem } from '../../db/batch.js';
import { arrayLiteral, qualified, quoteIdentifier } from '../../db/identifiers.js';
import { tenantLock } from '../../db/locks.js';
import { APPLIED_SQL, KEEP_LATEST } from '../bookkeeping.js';
import type { ApplySettings, DdlTarget } from '../types.js';
import { CLOCK } from './bookkeeping-failure.js';
import { raise, raiseNames } from './raise.js';

/** Guard 1: nobody else changes this schema. Held to the end of the transaction. */
export function lockGuard(schema: string): BatchItem {
  return { text: `SELECT ${LOCKED('$1')}`, values: [tenantLock(schema)] };
}

/** Guard 1 together with settings of the transaction, which come first. The text is the same for every tenant. */
export function settingsAndLock(schema: string, settings: Readonly<Record<string, string>>): BatchItem {
  const names = Object.keys(settings);
  const set = names.map((name, index) => `pg_catalog.set_config('${name}', $${index + 2}, true)`);
  return {
    text: `SELECT ${[...set, LOCKED('$1')].join(', ')}`,
    values: [tenantLock(schema), ...Object.values(settings)],
    prepared: true,
  };
}

const LOCKED = (key: string): string =>
  `CASE WHEN pg_catalog.pg_try_advisory_xact_lock(${key}::bigint) THEN 1 ELSE ${raise('busy')} END`;

/**
 * Guard 3: the schema is the one that the survey saw, and the registry still names it. Only then the search path is set, for
 * the transaction, and leads into the schema. The text is the same for every tenant of a plan.
 *
 * Its own statement, so that it reads with a snapshot taken after the lock was had (the transaction is READ COMMITTED). It is
 * analyzed and planned before the path is set, under the empty one.
 *
 * @param schemaOid `null`: the schema was made by this transaction.
 * @param check a fall-through check of the same statement: it is planned once for all tenants then, too
 */
export function placeGuard(
  schema: string,
  schemaOid: number | null,
  path: string,
  registry: ApplySettings['registry'],
  check?: FallThroughCheck,
): BatchItem {
  const values = [schema, schemaOid, path];
  const conditions = [
    'EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1::text::name AND ($2::oid IS NULL OR oid = $2))',
  ];
  if (registry !== undefined) {
    const { schema: shared, table: tenants, column } = registry;
    conditions.push(`EXISTS (SELECT 1 FROM ${qualified(shared, tenants)} WHERE ${quoteIdentifier(column)} = $1::text)`);
  }
  const place = `CASE WHEN ${conditions.join(' AND ')} THEN set_config('search_path', $3, true) ELSE ${raise('moved')}::text END`;
  // The server evaluates what is selected from left to right: the path is set when names are looked for.
  const entered = `CASE WHEN current_schema()::text = $1::text THEN 1 ELSE ${raise('moved')} END`;
  const found = check === undefined ? '' : `, ${fallenThrough(schema, check, values)}`;
  return { text: `SELECT ${place}, ${entered}${found}`, values, prepared: true };
}

/**
 * Guard 2: the schema's migrations table holds the list that was seen, or is not there where none was. It comes before the
 * guard that sets the search path.
 *
 * @param applied `undefined`: there is no migrations table.
 * @param fileOrder the same names as the files have them, where that is another order: if the rows were written in this one,
 *   their times are wrong, by which the last migration would be told.
 */
export function listGuard(
  schema: string,
  applied: readonly string[] | undefined,
  migrationsTable: string,
  fileOrder?: readonly string[],
): BatchItem {
  const table = qualified(schema, migrationsTable);
  const [seen, expected] =
    applied === undefined
      ? ['to_regclass($1::text) IS NULL', table]
      : [`${APPLIED_SQL} = $1::text[]`, literalOf(applied)];
  const written = `ARRAY(SELECT name::text FROM ${table} ORDER BY id)`;
  const clock = fileOrder === undefined ? '' : `, CASE WHEN ${written} = $2::text[] THEN ${raise(CLOCK)} END`;
  return {
    text: `SELECT CASE WHEN ${seen} THEN 1 ELSE ${raise('moved')} END${clock}${applied === undefined ? '' : `, ${KEEP_LATEST} FROM ${table}`}`,
    values: [expected, ...(fileOrder === undefined ? [] : [literalOf(fileOrder)])],
  };
}

/** Lists as array literals; all tenants of a plan have the same list. */
const literals = new WeakMap<readonly string[], string>();

function literalOf(names: readonly string[]): string {
  const known = literals.get(names);
  if (known !== undefined) return known;
  const literal = arrayLiteral(names);
  literals.set(names, literal);
  return literal;
}

/** The objects to look for, at least one, and whether to fail or to answer their names. */
export type FallThroughCheck = { targets: readonly DdlTarget[]; mode: 'error' | 'warn' };

/**
 * The first half of the fall-through check: none of the objects that a migration is about to change is missing in the
 * tenant's schema while the search path would find one of that name elsewhere. In mode `warn` it answers the names, in the
 * last column, instead of failing.
 */
export function fallThroughGuard(schema: string, check: FallThroughCheck): BatchItem {
  const values = [schema];
  return { text: `SELECT $1::pg_catalog.text, ${fallenThrough(schema, check, values)}`, values };
}

/** The check as an SQL expression whose names are qualified. `values` are the parameters of its statement, of which the first is the schema. */
function fallenThrough(schema: string, { targets, mode }: FallThroughCheck, values: unknown[]): string {
  const given = (value: string): string => `$${values.push(value)}::pg_catalog.text`;
  const missing = targets.filter(isFirst).map(({ kind, name }) => {
    const own = qualified(schema, name);
    return `CASE WHEN ${FALLS_THROUGH[kind](given, name, own)} THEN ${given(name)} END`;
  });
  const found = `(SELECT pg_catalog.string_agg(name, ', ') FROM pg_catalog.unnest(ARRAY[${missing.join(', ')}]) AS found (name))`;
  // The cast of NULL succeeds.
  return mode === 'warn' ? found : raiseNames(found);
}

function isFirst({ kind, name }: DdlTarget, index: number, all: readonly DdlTarget[]): boolean {
  return all.findIndex((other) => other.kind === kind && other.name === name) === index;
}

type Looks = (given: (value: string) => string, name: string, own: string) => string;

/** Whether the schema `$1` has no such object, while the search path finds one. To plan a look into a catalog is dear. */
const FALLS_THROUGH: Readonly<Record<DdlTarget['kind'], Looks>> = {
  relation: (given, name, own) =>
    `pg_catalog.to_regclass(${given(own)}) IS NULL AND pg_catalog.to_regclass(${given(quoteIdentifier(name))}) IS NOT NULL`,
  type: (given, name, own) =>
    `pg_catalog.to_regtype(${given(own)}) IS NULL AND pg_catalog.to_regtype(${given(quoteIdentifier(name))}) IS NOT NULL`,
  function: (given, name) =>
    `NOT EXISTS (SELECT 1 FROM pg_catalog.pg_proc WHERE proname OPERATOR(pg_catalog.=) ${given(name)}
                    AND pronamespace::pg_catalog.regnamespace::pg_catalog.text OPERATOR(pg_catalog.=) pg_catalog.quote_ident($1::pg_catalog.text))
      AND EXISTS (SELECT 1 FROM pg_catalog.pg_proc p WHERE proname OPERATOR(pg_catalog.=) ${given(name)} AND pg_catalog.pg_function_is_visible(p.oid))`,
};
