import type { Client } from 'pg';

import { emptyOwnSearchPath } from '../db/empty-search-path.js';
import type { ServerInfo } from '../db/server.js';
import type { Project } from '../project/project.js';
import { setLockTimeout } from './lock-timeout.js';

/**
 * Prepares a session that is ours alone. One that a session pooler lends is, too, which the process number does not tell, so its
 * search path is still to be emptied.
 */
export async function prepareOwn(project: Project, client: Client, { direct }: ServerInfo): Promise<void> {
  if (!direct) await emptyOwnSearchPath(client);
  await setLockTimeout(client, project.lockTimeoutMs);
}
