import type { Client } from 'pg';

import { sendBatch } from '../../db/batch.js';
import { quoteIdentifier } from '../../db/identifiers.js';
import { JOURNAL_LOCK, tryLock, unlock } from '../../db/locks.js';
import { pollLock } from '../../db/poll-lock.js';
import { inspectJournal, type JournalPlace, type JournalState } from './inspect.js';
import { stepsFrom, VERSION } from './versions.js';

/** How long the making of the journal waits for a lock, in ms. */
const LOCK_TIMEOUT_MS = 1000;

/**
 * The journal, made or upgraded where that is needed and allowed: by one session at a time, whichever application of the database it
 * belongs to.
 *
 * @throws the server's error when it refuses that.
 */
export async function makeJournal(client: Client, schema: string, role: string | undefined): Promise<JournalState> {
  const state = await inspectJournal(client, schema, role);
  if (state.kind !== 'outdated') return state;
  const attempt = async (): Promise<true | undefined> => (await tryLock(client, JOURNAL_LOCK)) || undefined;
  if ((await pollLock(attempt, { until: Date.now() + LOCK_TIMEOUT_MS, signal: undefined })) !== true) {
    return { kind: 'absent', why: 'another run is about to make or upgrade the journal', advice: [] };
  }
  try {
    const now = await inspectJournal(client, schema, role);
    return now.kind === 'outdated' ? await upgrade(client, now) : now;
  } finally {
    await unlock(client, JOURNAL_LOCK);
  }
}

/** All of it is one transaction, which ends with the batch. */
async function upgrade(client: Client, { place, schemaExists, user }: Extract<JournalState, { kind: 'outdated' }>) {
  const { schema, role } = place;
  await sendBatch(client, [
    {
      text: `SELECT pg_catalog.set_config('lock_timeout', $1, true)${role === undefined ? '' : `, pg_catalog.set_config('role', $2, true)`}`,
      values: [`${LOCK_TIMEOUT_MS}ms`, ...(role === undefined ? [] : [role])],
    },
    ...(schemaExists ? [] : [{ text: `CREATE SCHEMA ${quoteIdentifier(schema)}` }]),
    ...stepsFrom(place.version, schema).map((text) => ({ text })),
    ...(role === undefined ? [] : grants(schema, user).map((text) => ({ text }))),
  ]);
  // With the grants, the session's own role is enough.
  const made: JournalPlace = { ...place, role: undefined, version: VERSION };
  return { kind: 'ready', place: made } as const;
}

/** A member of a role does not always inherit its rights, and what only reads does not act as it. */
function grants(schema: string, user: string): string[] {
  const [name, grantee] = [quoteIdentifier(schema), quoteIdentifier(user)];
  return [
    `GRANT USAGE ON SCHEMA ${name} TO ${grantee}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${name} TO ${grantee}`,
    `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${name} TO ${grantee}`,
  ];
}
