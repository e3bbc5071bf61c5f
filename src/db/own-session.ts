import type { Client, ClientConfig } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import { withClient } from './connect.js';
import type { ServerInfo } from './server.js';

/** Longest a pooler may take for any answer to a probe, in ms. */
const PROBE_MS = 5000;
/** A pool that lends its connections in turn gives another one by the second round; a busy one may need more. */
const ROUNDS = 5;

/** Whose session a connection has: `own` from one transaction to the next, `shared` with others, or it could not be found out. */
export type SessionKind = 'own' | 'shared' | 'unknown';

/**
 * Finds out whether a connection's session stays the same from one transaction to the next. Behind a pooler in transaction
 * mode it does not: session locks and settings would be another session's.
 *
 * A server announces its own process number when a connection starts, a pooler one that it made up; so without a pooler
 * this costs nothing. With one, a second connection shows whether both are given each other's backends, outside
 * transactions and while it keeps one for itself.
 */
export async function sessionKind(
  client: Client,
  { direct }: Pick<ServerInfo, 'direct'>,
  config: ClientConfig,
): Promise<SessionKind> {
  if (direct) return 'own';
  const ours = await backendOf(client);
  const patient = { ...config, connectionTimeoutMillis: PROBE_MS, query_timeout: PROBE_MS };
  try {
    return await withClient(patient, 'pooler probe', (second) => compare(client, second, ours));
  } catch (error) {
    // A pool may have no second connection for us. In statement mode the pooler refuses the BEGIN, and the first one lives.
    await client.query('SELECT 1');
    return isRefusedTransaction(error) ? 'shared' : 'unknown';
  }
}

/**
 * Refuses a session that is not our own.
 *
 * @throws TenantsError UNSAFE_POOLER, or DATABASE_REFUSED when the pool has no second connection to find it out with.
 */
export function assertOwn(kind: SessionKind): void {
  if (kind === 'shared') throw unsafePooler();
  if (kind === 'unknown') {
    throw new TenantsError(
      'DATABASE_REFUSED',
      `There is a connection pooler between us and the server, and it gave us no second connection within ${PROBE_MS / 1000} seconds.`,
      { suggestions: [ADVICE, 'Or let its pool have more connections.'] },
    );
  }
}

/** @throws TenantsError UNSAFE_POOLER behind a pooler in statement mode, which has no transactions. */
export async function assertTransactions(client: Client): Promise<void> {
  try {
    await client.query('BEGIN READ ONLY');
    await client.query('ROLLBACK');
  } catch (error) {
    throw isRefusedTransaction(error)
      ? unsafePooler('The connection pooler in front of the server refuses transactions.')
      : error;
  }
}

/** Why there is no working behind a pooler, and what to do. */
export function unsafePooler(
  why = 'There is a connection pooler between us and the server: locks and settings of a session would be lost or reach others.',
): TenantsError {
  return new TenantsError('UNSAFE_POOLER', why, { suggestions: [ADVICE] });
}

const ADVICE = 'Connect to the server itself, or to a pool in session mode, for migrations.';

async function compare(client: Client, second: Client, ours: number | undefined): Promise<SessionKind> {
  const theirs = await backendOf(second);
  if (theirs === ours) return 'shared';
  for (let round = 0; round < ROUNDS; round += 1) {
    if ((await backendOf(second)) !== theirs) return 'shared';
    await second.query('BEGIN');
    // Before the first connection is asked: it would wait forever if the second one keeps the only backend.
    const kept = await backendOf(second);
    const again = kept === theirs ? await backendOf(client) : undefined;
    await second.query('ROLLBACK');
    if (kept !== theirs || again !== ours) return 'shared';
  }
  return 'own';
}

async function backendOf(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
  return rows[0]?.pid;
}

/** PgBouncer's answer to BEGIN in statement mode; it ends the connection with it. */
function isRefusedTransaction(error: unknown): boolean {
  return error instanceof Error && error.message.includes('transaction blocks not allowed');
}
