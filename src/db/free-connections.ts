import type { Client } from 'pg';

/**
 * Connections that this user may still open to this database: what is left of `max_connections` without the reserved ones,
 * of the database's own limit and of the role's.
 *
 * Without the rights of `pg_read_all_stats` other users' backends show no type; those with a database are counted.
 */
export async function freeConnections(client: Client): Promise<number> {
  const { rows } = await client.query<{ free: number }>(
    `WITH used AS (
       SELECT datname, usename FROM pg_stat_activity
        WHERE backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL))
     SELECT least(
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0) - (SELECT count(*) FROM used),
       (SELECT datconnlimit - (SELECT count(*) FROM used WHERE used.datname = d.datname)
          FROM pg_database d WHERE datname = current_database() AND datconnlimit >= 0),
       (SELECT rolconnlimit - (SELECT count(*) FROM used WHERE used.usename = r.rolname)
          FROM pg_roles r WHERE rolname = session_user AND rolconnlimit >= 0))::int AS free`,
  );
  return rows[0]?.free ?? 0;
}
