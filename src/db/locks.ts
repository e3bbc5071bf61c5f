import { createHash } from 'node:crypto';

import type { Client } from 'pg';

import { describeSession, type SessionOwner } from '../errors/blocker.js';

/**
 * The lock keys of this product. All are advisory locks of one database, and all are only ever tried, never waited for in
 * the server: a backend that waits for an advisory lock holds a snapshot, and `CREATE INDEX CONCURRENTLY` waits for that.
 */
export const FLEET_LOCK = keyOf('fleet');

/**
 * Key of the lock of a run on the fleet whose registry is in this shared schema: applications of one database do not keep each other
 * out. A run holds it alone, and `FLEET_LOCK` in shared mode, which earlier versions take for themselves alone.
 */
export function fleetLock(sharedSchema: string): string {
  return keyOf(`fleet:${sharedSchema}`);
}

/** Held while schemas are made ahead for the tenants of a registry. */
export function fleetPoolLock(sharedSchema: string): string {
  return keyOf(`pool:${sharedSchema}`);
}

/** Held while the journal is made, which all applications of a database share. */
export const JOURNAL_LOCK = keyOf('journal');

/** The key that node-pg-migrate itself takes; held in shared mode, it keeps a node-pg-migrate started by hand out. */
export const NODE_PG_MIGRATE_LOCK = '7241865325823964';

/** Key of the lock that everything takes which changes one tenant's schema. */
export function tenantLock(schema: string): string {
  return keyOf(`tenant:${schema}`);
}

/** Who holds an advisory lock. */
export type LockHolder = SessionOwner & { since: Date | null };

/** Tries a session-level lock; true when this connection holds it now. Taken twice, it must be given back twice. */
export async function tryLock(
  client: Client,
  key: string,
  mode: 'exclusive' | 'shared' = 'exclusive',
): Promise<boolean> {
  const name = mode === 'shared' ? 'pg_try_advisory_lock_shared' : 'pg_try_advisory_lock';
  const { rows } = await client.query<{ held: boolean }>(`SELECT pg_catalog.${name}($1::bigint) AS held`, [key]);
  return rows[0]?.held === true;
}

/** Gives back a session-level lock of this connection. */
export async function unlock(client: Client, key: string, mode: 'exclusive' | 'shared' = 'exclusive'): Promise<void> {
  const name = mode === 'shared' ? 'pg_advisory_unlock_shared' : 'pg_advisory_unlock';
  await client.query(`SELECT pg_catalog.${name}($1::bigint)`, [key]);
}

/** Whether a row `l` of pg_locks is an advisory lock of this database with one key of 64 bits; objsubid tells it from two keys. */
export const IS_ADVISORY = `(l.locktype = 'advisory' AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))`;

/** Its key, which pg_locks shows as two halves. */
export const ADVISORY_KEY = '((l.classid::bigint << 32) | l.objid::bigint)';

/** Whoever holds a lock at this moment, other than this connection. */
export async function lockHolders(client: Client, key: string): Promise<LockHolder[]> {
  const { rows } = await client.query<LockHolder>(
    `SELECT l.pid, a.usename AS user, host(a.client_addr) AS host, coalesce(a.application_name, '') AS application,
            a.backend_start AS since
       FROM pg_locks l
       LEFT JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE ${IS_ADVISORY} AND l.granted AND ${ADVISORY_KEY} = $1::bigint AND l.pid <> pg_backend_pid()
      ORDER BY a.backend_start`,
    [key],
  );
  return rows;
}

/** `process 4711 (tenants: migrate) of user deploy from 10.0.0.7, connected since …`, for messages. */
export function describeHolder(holder: LockHolder): string {
  const since = holder.since === null ? '' : `, connected since ${holder.since.toISOString()}`;
  return describeSession(holder) + since;
}

/** 63 bits of a hash: two names that share a key would only wait for each other, and at this width none will. */
function keyOf(name: string): string {
  const digest = createHash('sha256').update(`pg-tenants:${name}`).digest();
  return (digest.readBigUInt64BE(0) >> 1n).toString();
}
