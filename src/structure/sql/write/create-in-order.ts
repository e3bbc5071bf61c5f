import type { Client } from 'pg';

import { isConnectionError } from '../../../db/sqlstates.js';
import type { Creation } from './creations.js';

/**
 * Runs creations in a transaction that is open, and finds out by it in which order they succeed: what fails waits until the
 * others were made.
 *
 * @param between runs before the first of those that are late
 * @returns the order, and the last error of each that cannot be made at all
 */
export async function createInOrder(
  client: Client,
  creations: readonly Creation[],
  between: () => Promise<void>,
): Promise<{ order: Creation[]; failed: { creation: Creation; message: string }[] }> {
  const order: Creation[] = [];
  let failed: { creation: Creation; message: string }[] = [];
  const tryAll = async (some: readonly Creation[]): Promise<void> => {
    let left = some;
    for (;;) {
      failed = [];
      for (const creation of left) {
        const message = await attempt(client, creation.sql);
        if (message === undefined) order.push(creation);
        else failed.push({ creation, message });
      }
      if (failed.length === 0 || failed.length === left.length) return;
      left = failed.map(({ creation }) => creation);
    }
  };
  await tryAll(creations.filter(({ late }) => !late));
  // What needs a key, such as a view that groups by one, is made after the keys.
  const waiting = failed.map(({ creation }) => creation);
  await between();
  await tryAll([...waiting, ...creations.filter(({ late }) => late)]);
  return { order, failed };
}

/** Runs statements as a whole or not at all, and says why not. */
export async function attempt(client: Client, sql: string): Promise<string | undefined> {
  await client.query('SAVEPOINT tenants_attempt');
  try {
    await client.query(sql);
    await client.query('RELEASE SAVEPOINT tenants_attempt');
    return undefined;
  } catch (error) {
    if (isConnectionError(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT tenants_attempt; RELEASE SAVEPOINT tenants_attempt');
    return error instanceof Error ? error.message : String(error);
  }
}
