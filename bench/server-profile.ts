import { withClient } from './database.js';

/** One kind of statement, tenants' names left out. */
export type StatementTime = { query: string; calls: number; ms: number; planMs: number };

/** What a database did, from `pg_stat_database`. */
export type Activity = Record<string, number>;

/** Whether the server counts statements; the extension is created where it can be. */
export async function countsStatements(adminUrl: string): Promise<boolean> {
  return await withClient(adminUrl, async (client) => {
    try {
      await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
      await client.query('SELECT pg_stat_statements_reset()');
      return true;
    } catch {
      return false;
    }
  });
}

export async function forgetStatements(adminUrl: string): Promise<void> {
  await withClient(adminUrl, (client) => client.query('SELECT pg_stat_statements_reset()'));
}

/** What a database's time was spent on since then, the most first. */
export async function readStatements(adminUrl: string, database: string, most = 20): Promise<StatementTime[]> {
  return await withClient(adminUrl, async (client) => {
    const { rows } = await client.query<StatementTime>(
      `SELECT query, sum(calls)::int AS calls, sum(total_exec_time) AS ms, sum(total_plan_time) AS "planMs"
         FROM (SELECT left(regexp_replace(regexp_replace(query, 't\\d{6}', 'tenant', 'g'), '\\s+', ' ', 'g'), 200) AS query,
                      calls, total_exec_time, total_plan_time
                 FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1)) AS named
        GROUP BY query ORDER BY sum(total_exec_time + total_plan_time) DESC LIMIT $2`,
      [database, most],
    );
    return rows;
  });
}

/** Counters of a database. The server writes them when a backend ends or has been idle for a while. */
export async function readActivity(url: string): Promise<Activity> {
  return await withClient(url, async (client) => {
    await client.query('SELECT pg_stat_force_next_flush()').catch(() => undefined);
    const { rows } = await client.query<Activity>(
      `SELECT xact_commit::float8, xact_rollback::float8, blks_read::float8, blks_hit::float8, tup_returned::float8,
              tup_fetched::float8, tup_inserted::float8, tup_updated::float8, tup_deleted::float8
         FROM pg_stat_database WHERE datname = current_database()`,
    );
    return rows[0] ?? {};
  });
}
