import type { Client } from 'pg';

import { qualified, quoteIdentifier } from '../../db/identifiers.js';
import { tenantLock, tryLock, unlock } from '../../db/locks.js';
import { readSchemaOid } from './lane-session.js';
import type { SegmentFrame } from './steps.js';

/** What became of a segment whose COMMIT was not answered. `moved`: its applied list is neither the old nor the new one. */
export type SegmentOutcome = 'committed' | 'notCommitted' | 'moved';

/**
 * Finds out whether a segment was committed, of whose backend nothing is known. The tenant's lock is taken first: the backend
 * held it, and has ended once it is free.
 *
 * @returns `busy` while another session holds the lock
 */
export async function findOutcome(client: Client, frame: SegmentFrame): Promise<SegmentOutcome | 'busy'> {
  const lock = tenantLock(frame.work.tenant);
  if (!(await tryLock(client, lock))) return 'busy';
  try {
    return await readOutcome(client, frame);
  } finally {
    await unlock(client, lock);
  }
}

/** Reads whether a segment was committed. Its backend must have ended; see `findCommitOutcome`. */
export async function readOutcome(client: Client, frame: SegmentFrame): Promise<SegmentOutcome> {
  const { work, plan, settings } = frame;
  if (frame.segment.schemaOnly === true) {
    return (await readSchemaOid(client, work.tenant)) === 0 ? 'notCommitted' : 'committed';
  }
  const names = frame.segment.migrations.map(({ name }) => name);
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
