import type { Client } from 'pg';

import { qualified, quoteIdentifier } from '../../db/identifiers.js';
import { tenantLock, tryLock, unlock } from '../../db/locks.js';
import type { SegmentFrame } from './steps.js';

/**
 * What became of a segment whose COMMIT was not answered. `moved`: its applied list is neither the old nor the new one.
 *
 * A COMMIT whose answer is lost may have been carried out, may be carried out in a moment, or may never have arrived. Every
 * search for its outcome therefore first makes sure that the old backend has ended: it takes the lock that the backend held.
 * The same is done for a tenant of a dead worker (executors/parent), for a change of one tenant (lifecycle), and, with a
 * survey, for commits that a crash may have taken back (run/group-commit).
 */
export type SegmentOutcome = 'committed' | 'notCommitted' | 'moved';

/**
 * Finds out whether a segment was committed whose COMMIT was never answered. The tenant's lock is taken first: the old
 * backend may still be at work on it.
 *
 * @param lostPid the old backend, where it is known. It may not even have begun with what was sent, and hold no lock yet.
 * @returns `busy` while it lives or another session holds the lock.
 */
export async function findOutcome(
  client: Client,
  frame: SegmentFrame,
  lostPid?: number,
): Promise<SegmentOutcome | 'busy'> {
  const { work, plan, settings } = frame;
  const names = frame.segment.migrations.map(({ name }) => name);
  if (lostPid !== undefined && (await isAlive(client, lostPid))) return 'busy';
  if (!(await tryLock(client, tenantLock(work.tenant)))) return 'busy';
  try {
    const table = qualified(work.tenant, settings.migrationsTable);
    const { rows } = await client.query<{ present: boolean }>('SELECT to_regclass($1) IS NOT NULL AS present', [table]);
    const present = rows[0]?.present === true;
    // A segment without migrations of its own shows only in the migrations table that it makes, or in the registration.
    if (names.length === 0) {
      const done = frame.tableExists ? await isRegisteredNow(client, frame) : present;
      return done ? 'committed' : 'notCommitted';
    }
    const recorded = present ? await recordedNames(client, table, names) : 0;
    const before = plan.direction === 'up' ? 0 : names.length;
    const after = plan.direction === 'up' ? names.length : 0;
    if (recorded === after) return 'committed';
    return recorded === before ? 'notCommitted' : 'moved';
  } finally {
    await unlock(client, tenantLock(work.tenant));
  }
}

/** Whether a backend that is older than this one still lives. */
async function isAlive(client: Client, pid: number): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_stat_activity
      WHERE pid = $1 AND backend_start <= (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())`,
    [pid],
  );
  return (rowCount ?? 0) > 0;
}

async function recordedNames(client: Client, table: string, names: readonly string[]): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(DISTINCT name)::int AS count FROM ${table} WHERE name = ANY ($1::text[])`,
    [[...names]],
  );
  return rows[0]?.count ?? 0;
}

/** Whether the registration that the segment brings along is there. */
async function isRegisteredNow(client: Client, { work, settings, prelude = [] }: SegmentFrame): Promise<boolean> {
  if (prelude.length === 0 || settings.registry === undefined) return false;
  const { schema, table, column } = settings.registry;
  const { rowCount } = await client.query(
    `SELECT FROM ${qualified(schema, table)} WHERE ${quoteIdentifier(column)} = $1::text`,
    [work.tenant],
  );
  return (rowCount ?? 0) > 0;
}
