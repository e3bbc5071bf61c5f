import type { ServerInfo } from '../../db/server.js';
import { TenantsError } from '../../errors/tenants-error.js';

/** @throws TenantsError CITUS_UNAVAILABLE unless schemas can be distributed over the nodes of a Citus cluster. */
export function requireCitus(server: Pick<ServerInfo, 'citus'>, undone: string): void {
  if (server.citus?.distributesSchemas !== true) throw citusUnavailable(server, undone);
}

/** @param undone the beginning of the message: `Tenants cannot be distributed` */
export function citusUnavailable({ citus }: Pick<ServerInfo, 'citus'>, undone: string): TenantsError {
  const why =
    citus === undefined
      ? 'the database does not have the extension Citus'
      : `the database has Citus ${citus.version}, and schemas can be distributed since Citus 12`;
  return new TenantsError('CITUS_UNAVAILABLE', `${undone}: ${why}.`, {
    suggestions: ['Connect to the coordinator of a Citus cluster, in the database in which the extension is created.'],
  });
}
