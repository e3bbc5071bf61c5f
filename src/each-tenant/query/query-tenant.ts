import type { Client } from 'pg';

import { BatchError, type BatchItem, sendBatch } from '../../db/batch.js';
import { applicationName } from '../../db/connect.js';
import { USERS_ROW_SECURITY } from '../../db/empty-search-path.js';
import { quoteIdentifier, searchPath } from '../../db/identifiers.js';
import { fetchPart, openPart, type ResultPart } from '../../db/portal.js';
import { isConnectionError } from '../../db/sqlstates.js';
import { fallThroughGuard } from '../../engine/apply/guards.js';
import { isRaised, raise, raisedNames } from '../../engine/apply/raise.js';
import type { QueryStatement } from '../../engine/sql/parse-query.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { Project } from '../../project/project.js';
import type { RegistryShape } from '../../registry/names.js';
import { assertProtected, keyExpression, pathOfRows, requireRows } from '../../row-tables/row-scope.js';
import { tenantsCommand } from '../../util/tenants-command.js';

/** Most rows that are in memory for one tenant. */
const PART_SIZE = 500;

export type TenantQuery = {
  project: Project;
  statement: QueryStatement;
  tenant: string;
  /** It shares tables with others, of which the statement is to see its rows. */
  rows: boolean;
  write: boolean;
  /** Takes a part; may wait until the reader, or the tenants before this one, are done. */
  emit: (part: ResultPart) => Promise<void>;
};

/**
 * Runs a statement in one tenant: in a transaction of its own, that cannot write unless it is asked to.
 *
 * A result that fits into one part is handed over after the transaction has ended, so that a slow reader keeps no locks; a
 * larger one while it is fetched. `resetQuerySession` comes after it, whatever happened.
 *
 * @throws the server's error, and the transaction may still be open; TenantsError when the tenant has no schema.
 */
export async function queryTenant(client: Client, options: TenantQuery): Promise<void> {
  const { statement, emit } = options;
  const oid = await begin(client, options);
  let part = await openPart(client, statement.sql, PART_SIZE);
  const { columns } = part;
  while (part.command === undefined) {
    await emit(part);
    part = { ...(await fetchPart(client, PART_SIZE)), columns };
  }
  await end(client, options, oid);
  await emit(part);
}

/**
 * Ends a transaction that was left open and takes away what is left in the session, if that is our own; false when the
 * connection is of no more use.
 */
export async function resetQuerySession(client: Client, ownSession: boolean): Promise<boolean> {
  try {
    await client.query('ROLLBACK');
    if (ownSession) await client.query('DISCARD ALL');
    return true;
  } catch {
    return false;
  }
}

/**
 * Opens the transaction and returns the OID of the schema in which the statement will run. What is ours runs under the tenant's
 * search path, so its names are qualified; policies apply to the user's statement as they do elsewhere.
 */
async function begin(client: Client, options: TenantQuery): Promise<string> {
  const { project, statement, tenant, write, rows } = options;
  if (rows && write && !statement.ofRows) throw notOfRows(tenant);
  const path = rows ? pathOfRows(project) : [tenant, project.shared.schema, ...project.tenants.extraSearchPath];
  const [place = tenant] = path;
  const { role, lockTimeoutMs, statementTimeoutMs, fallThrough } = project;
  const { targets } = statement;
  const checks = write && fallThrough !== 'off' && targets.length > 0;
  const items: BatchItem[] = [
    { text: `BEGIN ISOLATION LEVEL READ COMMITTED ${write ? 'READ WRITE' : 'READ ONLY'}` },
    {
      text: `SELECT pg_catalog.set_config('search_path', $1, true), pg_catalog.set_config('lock_timeout', $2, true),
                    pg_catalog.set_config('statement_timeout', $3, true), pg_catalog.set_config('application_name', $4, true),
                    pg_catalog.set_config('datestyle', 'ISO', true)`,
      values: [searchPath(path), `${lockTimeoutMs}ms`, `${statementTimeoutMs}ms`, applicationName(`query ${tenant}`)],
    },
    { text: USERS_ROW_SECURITY },
    ...(rows ? [rowsItem(project.registry, tenant)] : []),
    ...(role === undefined ? [] : [{ text: `SET LOCAL ROLE ${quoteIdentifier(role)}` }]),
    {
      text: `SELECT oid FROM pg_catalog.pg_namespace
              WHERE nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text AND nspname OPERATOR(pg_catalog.=) pg_catalog.current_schema()`,
      values: [place],
    },
    ...(checks ? [fallThroughGuard(place, { targets, mode: 'error' })] : []),
  ];
  const answers = await send(client, items, (index) => index === items.length - 1 && checks);
  const oid = answers[items.length - (checks ? 2 : 1)]?.rows[0]?.[0];
  if (typeof oid === 'string') {
    if (rows) await assertProtected(client, project.registry, tenant);
    return oid;
  }
  throw new TenantsError(
    'TENANT_UNREADABLE',
    `The schema "${place}" does not exist, or the database user has no USAGE on it.`,
    {
      tenant,
      suggestions: [`To see which tenants have no schema, run: ${tenantsCommand('status')}`],
    },
  );
}

/** Of the rows of all tenants, policies leave those of this one. A tenant without a key has none. */
function rowsItem(registry: RegistryShape, tenant: string): BatchItem {
  return {
    text: `SELECT pg_catalog.set_config($1, coalesce(${keyExpression(registry, '$2')}, ''), true)`,
    values: [requireRows(registry).setting, tenant],
  };
}

function notOfRows(tenant: string): TenantsError {
  return new TenantsError(
    'USAGE',
    `The tenant "${tenant}" shares tables with others, and such a statement would change them for all.`,
    { tenant, suggestions: ['Use SELECT, INSERT, UPDATE, DELETE or MERGE, or a shared migration.'] },
  );
}

/**
 * Ends the transaction if the statement ran where it should: a schema that was renamed or dropped meanwhile would have
 * left the shared schema in its place. Reading ends with a rollback, which takes back settings, too.
 */
async function end(client: Client, { write, tenant }: TenantQuery, oid: string): Promise<void> {
  const items: BatchItem[] = [
    {
      text: `SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_namespace
                                   WHERE oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid AND nspname OPERATOR(pg_catalog.=) pg_catalog.current_schema())
                    THEN 1 ELSE ${raise('moved')} END`,
      values: [oid],
    },
    { text: write ? 'COMMIT' : 'ROLLBACK' },
  ];
  try {
    const answers = await sendBatch(client, items);
    if (write && answers.at(-1)?.command !== 'COMMIT') {
      throw new TenantsError(
        'DATABASE_ERROR',
        `The server answered ${answers.at(-1)?.command ?? 'nothing'} to COMMIT.`,
      );
    }
  } catch (error) {
    const cause = error instanceof BatchError ? error.cause : error;
    if (error instanceof BatchError && error.index === 0 && isRaised(cause)) {
      throw new TenantsError(
        'TENANT_MOVED',
        `"${tenant}" was renamed or dropped in the meantime; nothing was changed.`,
        {
          tenant,
        },
      );
    }
    if (write && isConnectionError(cause)) {
      throw new TenantsError(
        'OUTCOME_UNKNOWN',
        'The connection broke at the end, and it is not known whether the change was committed.',
        { tenant, suggestions: ['Look into the tenant before you run the statement again.'], cause },
      );
    }
    throw cause;
  }
}

async function send(client: Client, items: readonly BatchItem[], isGuard: (index: number) => boolean) {
  try {
    return await sendBatch(client, items);
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    const names = isGuard(error.index) ? raisedNames(error.cause) : undefined;
    if (names === undefined) throw error.cause;
    throw new TenantsError(
      'DATABASE_ERROR',
      `The statement would change ${names} outside the tenant, which has nothing of that name.`,
      { cause: error.cause },
    );
  }
}
