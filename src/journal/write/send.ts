import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import { type BatchAnswer, BatchError, type BatchItem, sendBatch } from '../../db/batch.js';
import { codeOf, isConnectionError, SQLSTATE } from '../../db/sqlstates.js';
import type { JournalPlace } from '../place/inspect.js';

/** How long a write waits for a lock, and how long one of its statements may take, in ms: a run must not wait for its record. */
const LOCK_TIMEOUT_MS = 250;
const STATEMENT_TIMEOUT_MS = 3000;
/** How long an answer may take, in ms. */
const PATIENCE_MS = 5000;

/**
 * Writes to the journal: one round trip and one transaction. The settings hold for it alone.
 *
 * A commit is not waited for until it is durable. It comes after those of the tenants that it tells of, and is never kept
 * where they are lost.
 *
 * @throws the server's error, or one that `isPassing` calls passing.
 */
export async function sendToJournal(
  client: Client,
  { role }: Pick<JournalPlace, 'role'>,
  items: readonly BatchItem[],
): Promise<BatchAnswer[]> {
  const settings = role === undefined ? '' : `, pg_catalog.set_config('role', $1, true)`;
  const set: BatchItem = {
    text: `SELECT pg_catalog.set_config('lock_timeout', '${LOCK_TIMEOUT_MS}ms', true),
      pg_catalog.set_config('statement_timeout', '${STATEMENT_TIMEOUT_MS}ms', true),
      pg_catalog.set_config('synchronous_commit', 'off', true)${settings}`,
    ...(role === undefined ? {} : { values: [role] }),
  };
  const patience = new AbortController();
  const sent = sendBatch(client, [set, ...items]);
  sent.catch(() => {});
  const silent = sleep(PATIENCE_MS, undefined, { signal: patience.signal }).then(() => {
    throw new Silence();
  });
  silent.catch(() => {});
  try {
    return (await Promise.race([sent, silent])).slice(1);
  } catch (error) {
    throw error instanceof BatchError ? error.cause : error;
  } finally {
    patience.abort();
  }
}

/** The server has not answered in time. */
class Silence extends Error {
  override readonly name = 'Silence';
  override readonly message = 'The server did not answer in time.';
}

const PASSING: ReadonlySet<string> = new Set([
  SQLSTATE.lockNotAvailable,
  SQLSTATE.queryCanceled,
  SQLSTATE.deadlockDetected,
  '40001',
]);

/** The same write may succeed later. */
export function isPassing(error: unknown): boolean {
  return error instanceof Silence || isConnectionError(error) || PASSING.has(codeOf(error) ?? '');
}
