import type { Client } from 'pg';

import type { Blocker } from '../../errors/blocker.js';
import { APPLICATION_PREFIX } from '../connect.js';
import { ADVISORY_KEY, IS_ADVISORY } from '../locks.js';

/** Characters of a blocker's statement that are read. */
const STATEMENT_LENGTH = 200;

/** A backend of this product that has been waiting, or building an index, for some time. */
export type WaitingBackend = {
  pid: number;
  /** What the connection is for: `application_name` without its prefix. */
  purpose: string;
  /** ms since its statement began. */
  waitedMs: number;
  /** Who holds what it waits for; empty while it works. */
  blockers: Blocker[];
  /** The phase of a `CREATE INDEX` or `REINDEX`, and the part of it that is done, 0 to 1, where the server knows it. */
  index: { phase: string; done: number | null } | null;
};

/** Backends of this product in this database, other than this one, that have waited for longer than `forMs`. */
export async function waitingBackends(client: Client, forMs: number): Promise<WaitingBackend[]> {
  const { rows } = await client.query<WaitingBackend>(
    `SELECT a.pid, substr(a.application_name, length($2) + 1) AS purpose,
            (extract(epoch FROM clock_timestamp() - a.query_start) * 1000)::float8 AS "waitedMs",
            coalesce((SELECT json_agg(json_build_object('pid', pid, 'user', b.usename, 'host', host(b.client_addr),
                             'application', coalesce(b.application_name, ''), 'since', b.xact_start, 'state', b.state,
                             'statement', nullif(left(b.query, $3), '')))
                        FROM (SELECT DISTINCT unnest(pg_blocking_pids(a.pid)) AS pid) AS one
                        LEFT JOIN pg_stat_activity AS b USING (pid)), '[]') AS blockers,
            CASE WHEN p.pid IS NOT NULL THEN json_build_object('phase', p.phase, 'done', CASE
              WHEN p.blocks_total > 0 THEN p.blocks_done::float8 / p.blocks_total
              WHEN p.tuples_total > 0 THEN p.tuples_done::float8 / p.tuples_total END) END AS index
       FROM pg_stat_activity AS a
       LEFT JOIN pg_stat_progress_create_index AS p ON p.pid = a.pid
      WHERE a.datname = current_database() AND starts_with(a.application_name, $2) AND a.pid <> pg_backend_pid()
        AND a.state = 'active' AND a.query_start < clock_timestamp() - $1 * interval '1 ms'
        AND (a.wait_event_type = 'Lock' OR p.pid IS NOT NULL)
      ORDER BY a.query_start`,
    [forMs, APPLICATION_PREFIX, STATEMENT_LENGTH],
  );
  return rows;
}

/** True when a backend of this product waits for one that itself waits, in the server, for an advisory lock with this key. */
export async function blocksUs(client: Client, key: string): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT FROM pg_locks AS l
       JOIN pg_stat_activity AS a ON l.pid = ANY (pg_blocking_pids(a.pid))
      WHERE ${IS_ADVISORY} AND NOT l.granted AND ${ADVISORY_KEY} = $1::bigint
        AND a.datname = current_database() AND starts_with(a.application_name, $2) AND a.wait_event_type = 'Lock'
      LIMIT 1`,
    [key, APPLICATION_PREFIX],
  );
  return rows.length > 0;
}
