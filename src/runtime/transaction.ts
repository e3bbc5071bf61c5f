import type { Pool, PoolClient } from 'pg';

import { quoteLiteral, searchPath } from '../db/identifiers.js';
import { resultsOf } from '../db/pg-internals.js';
import { codeOf, SQLSTATE } from '../db/sqlstates.js';
import { TenantsError } from '../errors/tenants-error.js';
import { borrowClient, type Loan } from './borrow-client.js';
import { guardClient } from './guarded-client.js';
import { assertUnchanged, isChanged, setLocally, settingChanged } from './row-level/guard.js';
import type { TenantSetting } from './row-level/row-level.js';
import type { Session } from './scope.js';
import type { SessionSettings } from './session-settings.js';
import type { WithTenantOptions } from './types.js';
import { schemaGone } from './unknown-tenant.js';

/** Where and how a tenant's work runs; `schemas` is the search path, the tenant's schema first. */
export type ScopeOptions = {
  pool: Pool;
  schemas: readonly string[];
  options: WithTenantOptions;
  /** Where tenants share tables: which rows are seen. */
  setting: TenantSetting | undefined;
};

/**
 * Runs work in a transaction whose search path is the tenant's.
 *
 * Two round trips besides the work's own. `SET LOCAL` ends with the transaction, so nothing stays on the client, nor on the
 * server connection that a pooler lends for the length of a transaction.
 *
 * @throws TenantsError UNKNOWN_TENANT when the schema is not there: PostgreSQL would go on in the shared one.
 */
export async function inTransaction<R>(place: ScopeOptions, work: (session: Session) => Promise<R>): Promise<R> {
  return await borrowClient(place.pool, async (loan) => {
    const before = await begin(loan, place);
    const session = guardClient(loan.client, true, place.setting);
    let value: R;
    try {
      value = await work(session);
    } catch (error) {
      session.end();
      await rollBack(loan, before, session.settings);
      throw error;
    }
    session.end();
    await commit(loan, before, session.settings, place.setting);
    return value;
  });
}

/**
 * Runs work as a part of an open transaction that can fail alone.
 *
 * @throws TenantsError USAGE for options that only a whole transaction can have.
 */
export async function inSavepoint<R>(
  outer: Session,
  options: WithTenantOptions,
  work: (session: Session) => Promise<R>,
): Promise<R> {
  if (options.isolation !== undefined || options.readOnly !== undefined) {
    throw new TenantsError('USAGE', 'isolation and readOnly belong to the outermost withTenant of a tenant.');
  }
  return await outer.alone(async () => {
    await outer.client.query('SAVEPOINT tenants');
    // The outer client looks at statements that would leave the tenant's rows.
    const session = guardClient(outer.client, true);
    try {
      const value = await work(session);
      session.end();
      await outer.client.query('RELEASE SAVEPOINT tenants');
      return value;
    } catch (error) {
      session.end();
      // On a connection that broke there is nothing to go back to; the outer transaction finds out.
      await outer.client.query('ROLLBACK TO SAVEPOINT tenants; RELEASE SAVEPOINT tenants').catch(() => undefined);
      throw error;
    }
  });
}

/** How things were when the transaction began: what the session had set, and the time, which says which transaction it is. */
type Beginning = { session: Row; at: string | undefined };

async function begin(loan: Loan, { schemas, options, setting }: ScopeOptions): Promise<Beginning> {
  const isolation = options.isolation === undefined ? '' : ` ISOLATION LEVEL ${ISOLATION[options.isolation]}`;
  const access = options.readOnly === true ? ' READ ONLY' : '';
  try {
    const [, session, , place] = await query(
      loan.client,
      `BEGIN${isolation}${access}; ${LOOK}; SET LOCAL search_path TO ${searchPath(schemas)};` +
        ` SELECT pg_catalog.current_schema()::pg_catalog.text AS schema, ${WHICH} AS at${setting === undefined ? '' : `, ${setLocally(setting, quoteLiteral)}`}`,
    );
    if (place?.['schema'] !== schemas[0]) throw schemaGone(schemas[0] ?? '');
    return { session, at: place?.['at'] };
  } catch (error) {
    await loan.client.query('ROLLBACK').catch(loan.condemn);
    throw error;
  }
}

const ISOLATION = {
  'read committed': 'READ COMMITTED',
  'repeatable read': 'REPEATABLE READ',
  serializable: 'SERIALIZABLE',
} as const;

/** Names are qualified in all of this: the tenant's path is in force, or the application's. The order is that of restoring them. */
const KEPT = ['session_authorization', 'role', 'search_path'] as const;
const LOOK = `SELECT ${KEPT.map((name) => `pg_catalog.current_setting('${name}') AS ${name}`).join(', ')}`;
/** The same within one transaction, and another in every other one of the session. */
const WHICH = 'extract(epoch FROM pg_catalog.transaction_timestamp())::pg_catalog.text';

/** Says in the same round trip whether the transaction is still ours, and leaves the session as it was. */
async function commit(
  loan: Loan,
  before: Beginning,
  settings: SessionSettings,
  setting: TenantSetting | undefined,
): Promise<void> {
  const same = setting === undefined ? '' : `, ${assertUnchanged(setting, quoteLiteral)}`;
  let answers: Row[];
  try {
    answers = await query(loan.client, `SELECT ${WHICH} AS at${same}; COMMIT; ${LOOK}${restore(before, settings)}`);
  } catch (error) {
    await rollBack(loan, before, settings);
    if (setting !== undefined && isChanged(error)) throw settingChanged(setting, error);
    throw codeOf(error) === SQLSTATE.inFailedTransaction ? rolledBack(error) : error;
  }
  const [which, , after] = answers;
  assess(loan, before, after, settings);
  if (which?.['at'] !== before.at) {
    loan.condemn('The work ended its transaction.');
    throw new TenantsError(
      'USAGE',
      'The work ended the transaction of withTenant: what came after that was not in the tenant’s schema.',
      { suggestions: ['Leave COMMIT and ROLLBACK to withTenant, also among several statements of one query.'] },
    );
  }
}

/** A rollback takes settings back, but not if the work has ended the transaction itself. */
async function rollBack(loan: Loan, before: Beginning, settings: SessionSettings): Promise<void> {
  try {
    const [, after] = await query(loan.client, `ROLLBACK; ${LOOK}${restore(before, settings)}`);
    assess(loan, before, after, settings);
  } catch (error) {
    loan.condemn(error);
  }
}

/**
 * Statements that undo what was set for the session. They travel with the end of the transaction, so a pooler that lends a server
 * connection for the length of a transaction cannot give it to others before.
 */
function restore({ session }: Beginning, { names, unknown }: SessionSettings): string {
  const kept = KEPT.map((name) => {
    const value = quoteLiteral(session?.[name] ?? '');
    return `CASE WHEN pg_catalog.current_setting('${name}') OPERATOR(pg_catalog.<>) ${value} THEN pg_catalog.set_config('${name}', ${value}, false) END`;
  });
  const reset = unknown ? '; RESET ALL' : names.size > 0 ? `; ${resetNamed([...names])}` : '';
  return `${reset}; SELECT ${kept.join(', ')}`;
}

/** To set NULL is to reset. The server lists its own settings; of those with a dot in their name it must be asked one by one. */
function resetNamed(names: readonly string[]): string {
  const list = `ARRAY[${names.map(quoteLiteral).join(', ')}]::pg_catalog.text[]`;
  return (
    `SELECT pg_catalog.set_config(name, NULL, false) FROM pg_catalog.pg_settings
      WHERE source OPERATOR(pg_catalog.=) 'session' AND pg_catalog.lower(name) OPERATOR(pg_catalog.=) ANY (${list});` +
    ` SELECT pg_catalog.set_config(name, NULL, false) FROM pg_catalog.unnest(${list}) AS name
      WHERE pg_catalog.strpos(name, '.') OPERATOR(pg_catalog.>) 0 AND pg_catalog.current_setting(name, true) OPERATOR(pg_catalog.<>) ''`
  );
}

/** What was set on the quiet may not be all, and a reset of everything has also taken what the application had set for itself. */
function assess(loan: Loan, { session }: Beginning, after: Row, { unknown }: SessionSettings): void {
  const changed = KEPT.filter((name) => after?.[name] !== session?.[name]);
  if (changed.length > 0) loan.condemn(`The work changed ${changed.join(' and ')} of its connection.`);
  else if (unknown) loan.condemn('The work changed settings of its connection.');
}

function rolledBack(cause: unknown): TenantsError {
  return new TenantsError(
    'DATABASE_ERROR',
    'The transaction was rolled back instead of committed: one of its statements failed, and the callback continued.',
    {
      suggestions: ['Let errors of statements propagate, or wrap statements that may fail in a nested withTenant.'],
      cause,
    },
  );
}

type Row = Record<string, string> | undefined;

/** Several statements in one message, and the first row of each; node-postgres answers with an array, which its types leave out. */
async function query(client: PoolClient, sql: string): Promise<Row[]> {
  const answers = resultsOf<Record<string, string>>(await client.query(sql));
  return answers.map(({ rows }) => rows[0]);
}
