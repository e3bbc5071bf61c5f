import type { Client } from 'pg';

import { withCancel } from '../db/backend/with-cancel.js';
import { CANCELED_READ_MS } from '../db/restart.js';
import { codeOf, isConnectionError, SQLSTATE } from '../db/sqlstates.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { delayedAbort } from '../util/after-abort.js';

/**
 * Reads on the control connection. What is at its end soon after the run was canceled is not disturbed, so that the run can report;
 * what takes longer, because somebody has locked a table for instance, is canceled.
 *
 * @param read gets a signal that is aborted then, for further connections
 * @throws TenantsError INTERRUPTED then; otherwise what `read` throws.
 */
export async function heedCancel<T>(
  { project, cancel }: { project: Project; cancel: AbortSignal | undefined },
  client: Client,
  read: (cancel: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, stop } = delayedAbort(cancel, CANCELED_READ_MS);
  try {
    return await withCancel(project.database, client, signal, () => read(signal));
  } catch (error) {
    if (!signal.aborted || isTenantsError(error) || !isCanceled(error)) throw error;
    throw new TenantsError('INTERRUPTED', 'Canceled while reading where the schemas stand.', {
      suggestions: ['Run the same command again: it finds what was done and finishes the rest.'],
      cause: error,
    });
  } finally {
    stop();
  }
}

function isCanceled(error: unknown): boolean {
  return codeOf(error) === SQLSTATE.queryCanceled || isConnectionError(error);
}
