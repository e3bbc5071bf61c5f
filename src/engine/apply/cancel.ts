import { setTimeout as sleep } from 'node:timers/promises';

import type { Client, ClientConfig } from 'pg';

import { requestCancel } from '../../db/cancel-request.js';
import { withClient } from '../../db/connect.js';
import { announcedPid } from '../../db/pg-internals.js';

/** Pause between two requests to cancel, in ms: one that arrives between two statements is lost. */
const REPEAT_MS = 500;

/**
 * Runs something on a connection; once `cancel` is aborted the server is asked, again and again until it has ended, to cancel
 * what the connection is at.
 */
export async function withCancel<T>(
  database: ClientConfig,
  client: Client,
  cancel: AbortSignal | undefined,
  run: () => Promise<T>,
): Promise<T> {
  if (cancel === undefined) return await run();
  // An AbortController for every tenant would cost more than all the rest that is done for it here.
  let ended: AbortController | undefined;
  const onCancel = (): void => {
    ended = new AbortController();
    void cancelUntil(database, client, ended.signal);
  };
  if (cancel.aborted) onCancel();
  else cancel.addEventListener('abort', onCancel, { once: true });
  try {
    return await run();
  } finally {
    ended?.abort();
    cancel.removeEventListener('abort', onCancel);
  }
}

async function cancelUntil(database: ClientConfig, client: Client, ended: AbortSignal): Promise<void> {
  const pid = announcedPid(client);
  if (pid === null) return;
  try {
    await withClient(database, 'cancel', async (canceler) => {
      while (!ended.aborted) {
        const { rows } = await canceler.query<{ found: boolean }>('SELECT pg_catalog.pg_cancel_backend($1) AS found', [
          pid,
        ]);
        // A pooler announces numbers of its own, and only the pooler knows whose they are.
        if (rows[0]?.found !== true) await requestCancel(client);
        await sleep(REPEAT_MS, undefined, { signal: ended });
      }
    });
  } catch {
    // It has ended, or the server is gone: either way there is nothing left to cancel.
  }
}
