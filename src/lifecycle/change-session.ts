import { assertOwn } from '../db/own-session.js';
import { assertWritable } from '../db/server.js';
import type { Project } from '../project/project.js';
import { assertRegistry } from '../registry/check.js';
import { type FleetSession, withSession } from '../session/control-session.js';

/**
 * Opens a connection for a change of one tenant. The server accepts writes, the session is our own and the registry exists.
 *
 * `client_connection_check_interval` makes a backend whose client is gone notice that and release the tenant, and a
 * `transaction_timeout` that is meant for an application is lifted.
 *
 * @throws TenantsError as `withSession`; DATABASE_REFUSED, UNSAFE_POOLER, REGISTRY_MISSING, REGISTRY_MISMATCH.
 */
export async function withChangeSession<T>(
  project: Project,
  purpose: string,
  use: (session: FleetSession) => Promise<T>,
): Promise<T> {
  return await withSession(project, purpose, async (session) => {
    const { client, server } = session;
    assertWritable(server);
    assertOwn(session.session);
    await client.query(
      `SELECT set_config(name, CASE name WHEN 'transaction_timeout' THEN '0' ELSE '5s' END, false) FROM pg_settings
        WHERE (name = 'client_connection_check_interval' AND setting = '0') OR (name = 'transaction_timeout' AND setting <> '0')`,
    );
    await assertRegistry(client, project.registry);
    return await use(session);
  });
}
