import type { Client } from 'pg';

import { ADVISORY_KEY, IS_ADVISORY, type LockHolder } from '../../db/locks.js';

/** A session that holds an advisory lock, and whether it is idle. */
export type BusyHolder = LockHolder & {
  /** `active`, `idle`, `idle in transaction`, …; `null` for sessions that this user may not inspect. */
  state: string | null;
  /** How long it has been idle, in ms; `null` while it is working. */
  idleMs: number | null;
};

/** The holders of all advisory locks with a 64-bit key in this database except our own session, by key, in one query. */
export async function readLockHolders(client: Client): Promise<Map<string, BusyHolder[]>> {
  const { rows } = await client.query<BusyHolder & { key: string }>(
    `SELECT ${ADVISORY_KEY}::text AS key, l.pid, a.usename::text AS user, host(a.client_addr) AS host,
            coalesce(a.application_name, '') AS application, a.backend_start AS since, a.state,
            CASE WHEN a.state LIKE 'idle%' THEN extract(epoch FROM clock_timestamp() - a.state_change)::float8 * 1000 END AS "idleMs"
       FROM pg_locks l
       LEFT JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE ${IS_ADVISORY} AND l.granted AND l.pid <> pg_backend_pid()
      ORDER BY a.backend_start`,
  );
  const holders = new Map<string, BusyHolder[]>();
  for (const { key, ...holder } of rows) holders.set(key, [...(holders.get(key) ?? []), holder]);
  return holders;
}
