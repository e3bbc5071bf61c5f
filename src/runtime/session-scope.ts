import type { PoolClient } from 'pg';

import { searchPath } from '../db/identifiers.js';
import { announcedPid } from '../db/pg-internals.js';
import { codeOf, SQLSTATE } from '../db/sqlstates.js';
import { TenantsError } from '../errors/tenants-error.js';
import { borrowClient } from './borrow-client.js';
import { guardClient } from './guarded-client.js';
import type { TenantSetting } from './row-level/row-level.js';
import type { Session } from './scope.js';
import type { ScopeOptions } from './transaction.js';
import { schemaGone } from './unknown-tenant.js';

/**
 * Runs work on a client whose session has the tenant's search path, without a transaction.
 *
 * Afterwards the session is as it was: settings restored, temporary tables, cursors, advisory locks and LISTENs gone. A
 * client that is in any doubt is thrown away: the work failed, a transaction is open, the role has changed.
 *
 * @throws TenantsError UNSAFE_POOLER where the session is not ours alone; UNKNOWN_TENANT when the schema is not there.
 */
export async function inSession<R>(
  { pool, schemas, options, setting }: ScopeOptions,
  work: (session: Session) => Promise<R>,
): Promise<R> {
  if (options.isolation !== undefined) throw new TenantsError('USAGE', 'isolation requires a transaction.');
  const readOnly = options.readOnly === true;
  return await borrowClient(pool, async ({ client, condemn }) => {
    const session = guardClient(client, false, setting);
    let before: Look;
    let value: R;
    try {
      before = await enter(client, schemas, readOnly);
      if (setting !== undefined) await set(client, setting);
      value = await work(session);
      await assertNoTransaction(client);
    } catch (error) {
      condemn(error);
      throw error;
    } finally {
      session.end();
    }
    // The work is done, whatever becomes of its client.
    await leave(client, before).catch(condemn);
    if (setting !== undefined) await set(client, { ...setting, value: '' }).catch(condemn);
    return value;
  });
}

type Look = {
  pid: number;
  schema: string | null;
  /** The settings that were made in this session, as a JSON object. */
  settings: string;
  users: string;
  /** When this transaction began, and when this statement did: the same, unless an earlier statement began it. */
  idle: boolean;
};

async function enter(client: PoolClient, schemas: readonly string[], readOnly: boolean): Promise<Look> {
  const before = await look(client);
  assertOwnSession(client, before);
  await client.query(
    `SET search_path TO ${searchPath(schemas)}${readOnly ? '; SET default_transaction_read_only TO on' : ''}`,
  );
  const { schema } = await look(client);
  if (schema !== schemas[0]) throw schemaGone(schemas[0] ?? '');
  return before;
}

/** An empty value is nobody's. */
async function set(client: PoolClient, { name, value }: TenantSetting): Promise<void> {
  await client.query('SELECT pg_catalog.set_config($1, $2, false)', [name, value]);
}

/**
 * `DISCARD ALL`, except that named statements stay, in which node-postgres believes, and so do the settings that the
 * application had made before. (Of settings with a dot in their name PostgreSQL keeps no list: those are gone.)
 */
async function leave(client: PoolClient, before: Look): Promise<void> {
  await client.query(
    'CLOSE ALL; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES; RESET ALL',
  );
  await client.query(
    `SELECT pg_catalog.set_config(key, value, false) FROM pg_catalog.json_each_text($1) WHERE value IS NOT NULL`,
    [before.settings],
  );
  if (fingerprint(await look(client)) !== fingerprint(before)) throw new Error('The work left its connection changed.');
}

/** Names are qualified: the session's search path is the application's, or the tenant's. */
async function look(client: PoolClient): Promise<Look> {
  const { rows } = await client.query<Look>(
    `SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.current_schema()::pg_catalog.text AS schema,
            (SELECT coalesce(pg_catalog.json_object_agg(name, pg_catalog.current_setting(name) ORDER BY name), '{}')::pg_catalog.text
               FROM pg_catalog.pg_settings WHERE source OPERATOR(pg_catalog.=) 'session') AS settings,
            pg_catalog.concat(session_user, '/', current_user) AS users,
            pg_catalog.transaction_timestamp() OPERATOR(pg_catalog.=) pg_catalog.statement_timestamp() AS idle`,
  );
  const row = rows[0];
  if (row === undefined) throw new Error('A SELECT without FROM has one row.');
  return row;
}

function assertOwnSession(client: PoolClient, { pid }: Look): void {
  const announced = announcedPid(client);
  if (announced === pid) return;
  // A pooler announces a process number that it made up.
  const reason =
    typeof announced === 'number'
      ? 'There is a connection pooler between us and the server'
      : 'This client does not say which process of the server it was given (pg-native does not), so there may be a pooler';
  throw new TenantsError('UNSAFE_POOLER', `${reason}: a search path that outlives a transaction would reach others.`, {
    suggestions: [
      'Leave out { transaction: false }, or use a pool of JavaScript clients that connects to the server itself.',
    ],
  });
}

/** What stands uncommitted would be lost in silence. */
async function assertNoTransaction(client: PoolClient): Promise<void> {
  if (!(await isInTransaction(client))) return;
  throw new TenantsError('USAGE', 'The work ended with a transaction open; it is rolled back.', {
    suggestions: ['End each transaction that you begin.'],
  });
}

/**
 * Asks the server, which in a broken transaction refuses to say. node-postgres's own `getTransactionStatus` is not in its
 * older versions, and is behind while the end of a failed statement is still on its way.
 */
async function isInTransaction(client: PoolClient): Promise<boolean> {
  try {
    return !(await look(client)).idle;
  } catch (error) {
    if (codeOf(error) === SQLSTATE.inFailedTransaction) return true;
    throw error;
  }
}

function fingerprint({ settings, users, idle }: Look): string {
  return JSON.stringify([settings, users, idle]);
}
