import type { Client } from 'pg';

import { withCancel } from '../db/backend/with-cancel.js';
import { codeOf, isConnectionError, SQLSTATE } from '../db/sqlstates.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';

/**
 * Reads on the control connection; this ends when the run is canceled, even if it waits for a table that somebody has locked.
 *
 * @throws TenantsError INTERRUPTED then; otherwise what `read` throws.
 */
export async function heedCancel<T>(
  { project, cancel }: { project: Project; cancel: AbortSignal | undefined },
  client: Client,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await withCancel(project.database, client, cancel, read);
  } catch (error) {
    if (cancel?.aborted !== true || isTenantsError(error) || !isCanceled(error)) throw error;
    throw new TenantsError('INTERRUPTED', 'Canceled while reading where the schemas stand.', {
      cause: error,
    });
  }
}

function isCanceled(error: unknown): boolean {
  return codeOf(error) === SQLSTATE.queryCanceled || isConnectionError(error);
}
