import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import { limitAfterAbort } from '../../util/after-abort.js';
import { withClient } from '../connect.js';
import type { DatabaseConfig } from '../database-config.js';
import { announcedPid, destroySocket } from '../pg-internals.js';
import { CANCEL_WAIT_MS } from '../restart.js';
import { requestCancel } from './cancel-request.js';
import { backendOf, endBackend } from './identity.js';

/** Pause between two requests to cancel, in ms: one that arrives between two statements is lost. */
const REPEAT_MS = 500;

/**
 * Runs something on a connection; once `cancel` is aborted the server is asked, again and again until it has ended, to cancel
 * what the connection is at. What has not ended `CANCEL_WAIT_MS` later is given up: its process is ended, and its connection cut.
 *
 * @throws what `run` throws; an error of a broken connection (see `isConnectionError`) for what was given up.
 */
export async function withCancel<T>(
  database: DatabaseConfig,
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
    return await limitAfterAbort(run(), cancel, CANCEL_WAIT_MS, () => {
      destroySocket(client);
      throw new Error('Connection terminated: it did not answer when it was canceled');
    });
  } finally {
    ended?.abort();
    cancel.removeEventListener('abort', onCancel);
  }
}

async function cancelUntil(database: DatabaseConfig, client: Client, ended: AbortSignal): Promise<void> {
  const pid = announcedPid(client);
  if (pid === null) return;
  try {
    await withClient(database, 'cancel', async (canceler) => {
      const since = Date.now();
      while (!ended.aborted) {
        const { rows } = await canceler.query<{ found: boolean }>('SELECT pg_catalog.pg_cancel_backend($1) AS found', [
          pid,
        ]);
        // A pooler announces numbers of its own, and only the pooler knows whose they are.
        if (rows[0]?.found !== true) await requestCancel(client);
        await sleep(REPEAT_MS, undefined, { signal: ended });
        const backend = backendOf(client);
        if (backend !== undefined && Date.now() - since >= CANCEL_WAIT_MS - 2 * REPEAT_MS) {
          await endBackend(canceler, backend);
        }
      }
    });
  } catch {
    // It has ended, or the server is gone: either way there is nothing left to cancel.
  }
}
