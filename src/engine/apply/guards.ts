import type { BatchItem } from '../../db/batch.js';
import { qualified, quoteIdentifier } from '../../db/identifiers.js';
import { tenantLock } from '../../db/locks.js';
import { appliedSql } from '../bookkeeping.js';
import type { ApplySettings, DdlTarget } from '../types.js';
import { raise, raiseNames } from './raise.js';

/** Guard 1: nobody else changes this schema. Held to the end of the transaction. */
export function lockGuard(schema: string): BatchItem {
  return { text: `SELECT ${LOCKED('$1')}`, values: [tenantLock(schema)] };
}

/** Guard 1 together with settings of the transaction, which come first. The text is the same for every tenant. */
export function settingsAndLock(schema: string, settings: Readonly<Record<string, string>>): BatchItem {
  const names = Object.keys(settings);
  const set = names.map((name, index) => `set_config('${name}', $${index + 2}, true)`);
  return {
    text: `SELECT ${[...set, LOCKED('$1')].join(', ')}`,
    values: [tenantLock(schema), ...Object.values(settings)],
    prepared: true,
  };
}

const LOCKED = (key: string): string =>
  `CASE WHEN pg_try_advisory_xact_lock(${key}::bigint) THEN 1 ELSE ${raise('busy')} END`;

/**
 * Guard 2: the schema is the one that the survey saw, and the registry still names it. Only then the search path is set, for
 * the transaction. The text is the same for every tenant of a plan.
 *
 * Its own statement, so that it reads with a snapshot taken after the lock was had (the transaction is READ COMMITTED).
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
  const found = check === undefined ? '' : `, ${fallenThrough(schema, check, values)}`;
  return { text: `SELECT ${place}${found}`, values, prepared: true };
}

/**
 * Guard 3: statements go into the schema, and its migrations table holds the list that was seen, or is not there where none
 * was.
 *
 * @param applied `undefined`: there is no migrations table.
 */
export function listGuard(schema: string, applied: readonly string[] | undefined, migrationsTable: string): BatchItem {
  const table = qualified(schema, migrationsTable);
  const [seen, expected] =
    applied === undefined
      ? ['to_regclass($2::text) IS NULL', table]
      : [`${appliedSql(table)} = $2::text[]`, literalOf(applied)];
  return {
    text: `SELECT CASE WHEN current_schema()::text = $1::text AND ${seen} THEN 1 ELSE ${raise('moved')} END`,
    values: [schema, expected],
  };
}

/** Lists as array literals; all tenants of a plan have the same list. */
const literals = new WeakMap<readonly string[], string>();

function literalOf(names: readonly string[]): string {
  const known = literals.get(names);
  if (known !== undefined) return known;
  const literal = `{${names.map((name) => `"${name.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
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
  return { text: `SELECT $1::text, ${fallenThrough(schema, check, values)}`, values };
}

/** The check as an SQL expression. `values` are the parameters of its statement, of which the first is the schema. */
function fallenThrough(schema: string, { targets, mode }: FallThroughCheck, values: unknown[]): string {
  const given = (value: string): string => `$${values.push(value)}::text`;
  const missing = targets.filter(isFirst).map(({ kind, name }) => {
    const own = qualified(schema, name);
    return `CASE WHEN ${FALLS_THROUGH[kind](given, name, own)} THEN ${given(name)} END`;
  });
  const found = `nullif(array_to_string(ARRAY[${missing.join(', ')}], ', '), '')`;
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
    `to_regclass(${given(own)}) IS NULL AND to_regclass(${given(quoteIdentifier(name))}) IS NOT NULL`,
  type: (given, name, own) =>
    `to_regtype(${given(own)}) IS NULL AND to_regtype(${given(quoteIdentifier(name))}) IS NOT NULL`,
  function: (given, name) =>
    `NOT EXISTS (SELECT 1 FROM pg_proc WHERE proname = ${given(name)} AND pronamespace::regnamespace::text = quote_ident($1::text))
      AND EXISTS (SELECT 1 FROM pg_proc p WHERE proname = ${given(name)} AND pg_function_is_visible(p.oid))`,
};
