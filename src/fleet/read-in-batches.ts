import type { Client, ClientConfig } from 'pg';

import { withCancel } from '../db/backend/with-cancel.js';
import { withClient } from '../db/connect.js';
import { isTenantsError } from '../errors/tenants-error.js';
import { alignLockTimeout, lockTimeoutOf } from '../session/lock-timeout.js';

/**
 * Reads something about many schemas in batches, over several connections.
 *
 * @param connections how many may be used at once; the given client is the first of them, and others are opened when there are
 *   batches for them. One that the server refuses makes the reading slower, not impossible.
 * @param cancel ends what the other connections are at; what the given client runs is the caller's to cancel
 * @param read reads one batch; an error ends the whole reading.
 */
export async function readInBatches(
  client: Client,
  database: ClientConfig,
  schemas: readonly string[],
  { size, connections, cancel }: { size: number; connections: number; cancel?: AbortSignal | undefined },
  read: (connection: Client, batch: readonly string[]) => Promise<void>,
): Promise<void> {
  const batches = chunk(schemas, size);
  const extra = Math.min(connections, batches.length) - 1;
  const drain = async (connection: Client): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) await read(connection, batch);
  };
  const help = async (): Promise<void> => {
    try {
      await withClient(database, 'survey', async (helper) => {
        await alignLockTimeout(helper, lockTimeoutMs);
        await withCancel(database, helper, cancel, () => drain(helper));
      });
    } catch (error) {
      if (!isTenantsError(error)) throw error;
    }
  };
  const lockTimeoutMs = extra > 0 ? await lockTimeoutOf(client) : 0;
  try {
    await Promise.all([drain(client), ...Array.from({ length: Math.max(0, extra) }, help)]);
  } finally {
    // After a failure the others end with the batch they are at.
    batches.length = 0;
  }
}

function chunk<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
}
