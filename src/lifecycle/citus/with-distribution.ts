import type { Client } from 'pg';

import { distributedAmong } from '../../db/citus/nodes.js';
import type { ServerInfo } from '../../db/server.js';
import type { Project } from '../../project/project.js';
import { hasOwnSchema, readTenants } from '../../registry/list.js';
import { orderBy } from '../../util/tenant-order.js';
import { citusUnavailable } from './require-citus.js';

/**
 * The project with its decision whether new schemas are distributed over the nodes of a Citus cluster: as configured, or as most
 * tenants are. The first tenant of a cluster is distributed.
 *
 * @throws TenantsError CITUS_UNAVAILABLE where distributed schemas are asked for and there is no Citus.
 */
export async function withDistribution(
  client: Client,
  server: Pick<ServerInfo, 'citus'>,
  project: Project,
): Promise<Project> {
  const setting = project.tenants.distribute ?? 'auto';
  const possible = server.citus?.distributesSchemas === true;
  if (setting === true && !possible) throw citusUnavailable(server, 'Tenants cannot be distributed');
  const distribute = setting === 'auto' ? possible && (await areMostDistributed(client, project)) : setting;
  return { ...project, tenants: { ...project.tenants, distribute } };
}

async function areMostDistributed(client: Client, { registry }: Project): Promise<boolean> {
  const order = orderBy(registry.tenants.columns.schemaName);
  const tenants = (await readTenants(client, registry, { order })).filter((tenant) => hasOwnSchema(registry, tenant));
  const schemas = tenants.map(({ schema }) => schema);
  const { rows } = await client.query<{ count: number }>(
    `SELECT pg_catalog.count(*)::pg_catalog.int4 AS count FROM pg_catalog.pg_namespace
      WHERE nspname::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])`,
    [schemas],
  );
  const { size } = await distributedAmong(client, schemas);
  return size * 2 >= (rows[0]?.count ?? 0);
}
