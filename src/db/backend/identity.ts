import type { Client } from 'pg';

import { codeOf, SQLSTATE } from '../sqlstates.js';

/**
 * The server process behind a connection. A process number alone is used again for other processes; together with the time at
 * which the process began it names one process for good.
 */
export type Backend = {
  pid: number;
  /** When it began, in seconds, as the server writes it. */
  startedAt: string;
  /** No pooler is in between: the process serves this connection and never another one. */
  direct: boolean;
  /** Start time of the whole server: another one after a restart, and after a failover. */
  serverStartedAt: string;
};

const backends = new WeakMap<Client, Backend>();

/** Keeps what a new connection has answered. */
export function noteBackend(client: Client, backend: Backend): void {
  backends.set(client, backend);
}

/** The server process of a connection that was opened with `openClient`. */
export function backendOf(client: Client): Backend | undefined {
  return backends.get(client);
}

/** The start time of a process as text, which two sessions compare. `row` has a column `backend_start`. */
export const STARTED_AT = `pg_catalog.date_part('epoch', backend_start)::pg_catalog.text`;

/**
 * Whether what a lost connection was doing is decided: it has been committed, or it never will be. That is so when its process is
 * gone; behind a pooler, where the process serves somebody else next, when it is in no transaction that was open before.
 */
export async function isDecided(client: Client, { pid, startedAt, direct }: Backend): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_stat_get_activity($1) AS a WHERE a.pid = $1 AND ${STARTED_AT} = $2
        AND (${direct} OR a.xact_start < (SELECT mine.backend_start FROM pg_stat_get_activity(pg_backend_pid()) AS mine))`,
    [pid, startedAt],
  );
  return (rowCount ?? 0) === 0;
}

/**
 * Ends the process of a connection that was lost: it may otherwise live for as long as a statement takes, or a standby, or a
 * network that says nothing. Behind a pooler it is left alone: it may be somebody else's by now. So it is where ending it is
 * forbidden, to a member of another role for instance.
 */
export async function endBackend(client: Client, { pid, startedAt, direct }: Backend): Promise<void> {
  if (!direct) return;
  await client
    .query(`SELECT pg_terminate_backend(a.pid) FROM pg_stat_get_activity($1) AS a WHERE ${STARTED_AT} = $2`, [
      pid,
      startedAt,
    ])
    .catch((error: unknown) => {
      if (codeOf(error) !== SQLSTATE.insufficientPrivilege) throw error;
    });
}
