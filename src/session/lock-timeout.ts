import type { Client } from 'pg';

/** Keeps a session from waiting forever for a table that someone has locked. @param ms 0 is no limit. */
export async function setLockTimeout(client: Client, ms: number): Promise<void> {
  await client.query(`SELECT set_config('lock_timeout', $1, false)`, [`${ms}ms`]);
}

/** The same, but a session that has this limit is left as it is: behind a pooler it may be another session's. */
export async function alignLockTimeout(client: Client, ms: number): Promise<void> {
  await client.query(
    `SELECT set_config('lock_timeout', $1::text || 'ms', false) FROM pg_settings WHERE name = 'lock_timeout' AND setting <> $1::text`,
    [String(ms)],
  );
}

/** The limit that a session has, in ms. */
export async function lockTimeoutOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ setting: number }>(
    `SELECT setting::int AS setting FROM pg_settings WHERE name = 'lock_timeout'`,
  );
  return rows[0]?.setting ?? 0;
}
