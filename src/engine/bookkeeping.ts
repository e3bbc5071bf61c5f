import { createHash } from 'node:crypto';

import type { BatchItem } from '../db/batch.js';
import { arrayLiteral, qualified } from '../db/identifiers.js';
import type { Direction } from './types.js';

/**
 * node-pg-migrate's bookkeeping, statement by statement as it writes it itself (version 9, runner.ts and migration.ts), but
 * quoted. Either tool finds the other's rows.
 */
export function createMigrationsTable(schema: string, table: string): BatchItem {
  return {
    text: `CREATE TABLE ${qualified(schema, table)} (id SERIAL PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)`,
  };
}

/** What the error message of a statement of `recordMigration` quotes that found its row not written, or not removed. */
export const UNRECORDED = 'unrecorded';

/**
 * The row that says a migration is applied, or its removal. It runs under the tenant's search path, so its names are
 * qualified. A rule or a trigger can make a row disappear without an error, so the statement looks at what it has done.
 *
 * Applied migrations are ordered by `run_on`: a clock or a time zone that goes back must not put a new row before the others.
 *
 * @param latest where the latest time of the table comes from: a guard of the transaction has `seen` it, or the statement reads the `table`.
 *   On Citus only the latter works, because guards run on the node of the tenant, and only in this form, without a subquery in VALUES.
 */
export function recordMigration(
  schema: string,
  table: string,
  name: string,
  direction: Direction,
  latest: 'seen' | 'table' = 'seen',
): BatchItem {
  const target = qualified(schema, table);
  const change =
    direction === 'up'
      ? `INSERT INTO ${target} (name, run_on) ${latest === 'seen' ? SEEN_LAST : `${READ_LAST} FROM ${target}`}`
      : `DELETE FROM ${target} WHERE name OPERATOR(pg_catalog.=) $1`;
  return {
    text: `WITH done AS (${change} RETURNING 1)
           SELECT CASE WHEN EXISTS (SELECT FROM done) THEN 1
                       ELSE pg_catalog.concat('${UNRECORDED} ', pg_catalog.pg_backend_pid())::int END`,
    values: [name],
  };
}

/**
 * The row of a migration in the place of the rows of those that it replaces. The last of them is renamed, so that it keeps its time and its
 * number, and with them its place before what was applied later.
 *
 * @param replaces names in the order in which they were applied
 */
export function replaceMigrations(schema: string, table: string, name: string, replaces: readonly string[]): BatchItem {
  const target = qualified(schema, table);
  const gone = replaces.slice(0, -1);
  return {
    text: `WITH kept AS (UPDATE ${target} SET name = $1 WHERE name OPERATOR(pg_catalog.=) $2 RETURNING 1),
                gone AS (DELETE FROM ${target} WHERE name OPERATOR(pg_catalog.=) ANY ($3::pg_catalog.text[]) RETURNING 1)
           SELECT CASE WHEN (SELECT pg_catalog.count(*) FROM kept) OPERATOR(pg_catalog.=) 1
                        AND (SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.=) ${gone.length} THEN 1
                       ELSE pg_catalog.concat('${UNRECORDED} ', pg_catalog.pg_backend_pid())::int END`,
    values: [name, replaces.at(-1) ?? '', arrayLiteral(gone)],
  };
}

/**
 * Keeps the latest time for the transaction, in a setting: the guard that reads the table finds it for nothing, while a look of
 * its own would cost more than the row. In one form, whatever DateStyle a migration may set.
 */
export const KEEP_LATEST = `set_config('tenants.latest', coalesce(to_char(max(run_on), 'YYYY-MM-DD HH24:MI:SS.US'), ''), true)`;

const SETTING = `pg_catalog.current_setting('tenants.latest', true)`;
const LATEST_SEEN = `CASE WHEN pg_catalog.length(${SETTING}) OPERATOR(pg_catalog.>) 0 THEN ${SETTING}::timestamp END`;

const SEEN_LAST = `VALUES ($1, GREATEST(pg_catalog.now()::timestamp, ${LATEST_SEEN}))`;
const READ_LAST = 'SELECT $1, GREATEST(pg_catalog.now()::timestamp, pg_catalog.max(run_on))';

/** SQL expression, aggregated over a migrations table, for its names as an array of text in node-pg-migrate's order. */
export const APPLIED_SQL = `coalesce(array_agg(name::text ORDER BY run_on, id), '{}')`;

/**
 * SQL expression that condenses a migrations table into one value, aggregated over its rows; `appliedDigest` makes the same
 * of a list of names. The order is node-pg-migrate's own.
 */
export const APPLIED_DIGEST_SQL =
  "encode(sha256(convert_to(count(*) || ':' || coalesce(string_agg(name, E'\\n' ORDER BY run_on, id), ''), 'UTF8')), 'hex')";

/** The digest of an applied list, oldest first. */
export function appliedDigest(names: readonly string[]): string {
  return createHash('sha256')
    .update(`${names.length}:${names.join('\n')}`)
    .digest('hex');
}
