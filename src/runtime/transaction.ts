import type { Pool, PoolClient } from 'pg';

import { searchPath } from '../db/identifiers.js';
import { resultsOf } from '../db/pg-internals.js';
import { codeOf, SQLSTATE } from '../db/sqlstates.js';
import { TenantsError } from '../errors/tenants-error.js';
import { borrowClient, type Loan } from './borrow-client.js';
import { guardClient } from './guarded-client.js';
import type { Session } from './scope.js';
import type { WithTenantOptions } from './types.js';
import { schemaGone } from './unknown-tenant.js';

/** Where and how a tenant's work runs; `schemas` is the search path, the tenant's schema first. */
export type ScopeOptions = { pool: Pool; schemas: readonly string[]; options: WithTenantOptions };

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
    const session = guardClient(loan.client, true);
    let value: R;
    try {
      value = await work(session);
    } catch (error) {
      session.end();
      await rollBack(loan);
      throw error;
    }
    session.end();
    await commit(loan, before);
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

/** How things were when the transaction began: the search path of the session, and the time, which says which one it is. */
type Beginning = { path: string | undefined; at: string | undefined };

async function begin(loan: Loan, { schemas, options }: ScopeOptions): Promise<Beginning> {
  const isolation = options.isolation === undefined ? '' : ` ISOLATION LEVEL ${ISOLATION[options.isolation]}`;
  const access = options.readOnly === true ? ' READ ONLY' : '';
  try {
    const [, path, , place] = await query(
      loan.client,
      `BEGIN${isolation}${access}; ${PATH}; SET LOCAL search_path TO ${searchPath(schemas)};` +
        ` SELECT pg_catalog.current_schema()::pg_catalog.text AS schema, ${WHICH} AS at`,
    );
    if (place?.['schema'] !== schemas[0]) throw schemaGone(schemas[0] ?? '');
    return { path: path?.['path'], at: place?.['at'] };
  } catch (error) {
    await rollBack(loan);
    throw error;
  }
}

const ISOLATION = {
  'read committed': 'READ COMMITTED',
  'repeatable read': 'REPEATABLE READ',
  serializable: 'SERIALIZABLE',
} as const;

/** Names are qualified in all of this: the tenant's path is in force, or the application's. */
const PATH = `SELECT pg_catalog.current_setting('search_path') AS path`;
/** The same within one transaction, and another in every other one of the session. */
const WHICH = 'extract(epoch FROM pg_catalog.transaction_timestamp())::pg_catalog.text';

/** Says in the same round trip whether the transaction is still ours, and the client's search path what it was before. */
async function commit(loan: Loan, before: Beginning): Promise<void> {
  let answers: Row[];
  try {
    answers = await query(loan.client, `SELECT ${WHICH} AS at; COMMIT; ${PATH}`);
  } catch (error) {
    await rollBack(loan);
    throw codeOf(error) === SQLSTATE.inFailedTransaction ? rolledBack(error) : error;
  }
  const [which, , after] = answers;
  if (after?.['path'] !== before.path) loan.condemn('The work changed the search path of its connection.');
  if (which?.['at'] !== before.at) {
    loan.condemn('The work ended its transaction.');
    throw new TenantsError(
      'USAGE',
      'The work ended the transaction of withTenant: what came after that was not in the tenant’s schema.',
      { suggestions: ['Leave COMMIT and ROLLBACK to withTenant, also among several statements of one query.'] },
    );
  }
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

async function rollBack({ client, condemn }: Loan): Promise<void> {
  try {
    await client.query('ROLLBACK');
  } catch (error) {
    condemn(error);
  }
}

type Row = Record<string, string> | undefined;

/** Several statements in one message, and the first row of each; node-postgres answers with an array, which its types leave out. */
async function query(client: PoolClient, sql: string): Promise<Row[]> {
  const answers = resultsOf<Record<string, string>>(await client.query(sql));
  return answers.map(({ rows }) => rows[0]);
}
