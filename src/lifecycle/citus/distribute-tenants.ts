import type { Client } from 'pg';

import { distributedAmong, type NodeAddress, readTenantNodes } from '../../db/citus/nodes.js';
import { distributeSchema, undistributeSchema } from '../../db/citus/placement.js';
import { isConnectionError } from '../../db/sqlstates.js';
import { type SerializedError, serializeError } from '../../errors/serialize.js';
import { isTenantsError, TenantsError } from '../../errors/tenants-error.js';
import { chooseTenants } from '../../fleet/selection.js';
import type { Project } from '../../project/project.js';
import { hasOwnSchema, readTenants } from '../../registry/list.js';
import { withChangeSession } from '../change-session.js';
import { asOwner, changeTenant } from '../change-transaction.js';
import type { ChangeOptions } from '../changed-tenant.js';
import { requireCitus } from './require-citus.js';

export type DistributeOptions = ChangeOptions & {
  /** Names or patterns. Default: all tenants. */
  names?: readonly string[];
  /** Back to the coordinator. */
  undo?: boolean;
};

/** What became of one tenant; `node` is where it is now, `null` on the coordinator and without tables. */
export type PlacedTenant = { tenant: string; node: NodeAddress | null } & (
  | { status: 'distributed' | 'undistributed' | 'unchanged' }
  | { status: 'failed'; error: SerializedError }
);

export type DistributeReport = { results: PlacedTenant[]; durationMs: number; interrupted: boolean };

/**
 * Places existing schemas on nodes of the cluster, each in a transaction of its own and under its tenant's lock. Writes to a
 * tenant wait. A tenant that Citus refuses stays where it is, and the others go on.
 *
 * @throws TenantsError CITUS_UNAVAILABLE, UNKNOWN_TENANT, USAGE for tenants without a schema of their own; and errors of the connection.
 */
export async function distributeTenants(project: Project, options: DistributeOptions): Promise<DistributeReport> {
  const startedAt = performance.now();
  const { names, undo = false, cancel, onEvent } = options;
  return await withChangeSession(project, 'distribute', async ({ client, server }) => {
    requireCitus(server, 'Tenants cannot be distributed');
    const registered = await readTenants(client, project.registry, { order: project.tenants.order });
    const chosen = await chooseTenants(project, names === undefined ? {} : { names })(registered, client);
    const wanted = chosen.filter((tenant) => hasOwnSchema(project.registry, tenant)).map(({ schema }) => schema);
    const distributed = await distributedAmong(client, wanted);
    onEvent?.({ type: 'phase', phase: 'tenants', total: wanted.length });
    const outcomes: [string, PlacedTenant['status'], SerializedError?][] = [];
    for (const schema of wanted) {
      if (cancel?.aborted === true) break;
      if (distributed.has(schema) !== undo) outcomes.push([schema, 'unchanged']);
      else outcomes.push([schema, ...(await placeOne(client, project, schema, options))]);
    }
    const nodes = await readTenantNodes(client, wanted);
    const results = outcomes.map(([tenant, status, error]): PlacedTenant => {
      const node = nodes.get(tenant) ?? null;
      return status === 'failed'
        ? { tenant, node, status, error: error ?? unexplained(tenant) }
        : { tenant, node, status };
    });
    return { results, durationMs: Math.round(performance.now() - startedAt), interrupted: cancel?.aborted === true };
  });
}

async function placeOne(
  client: Client,
  project: Project,
  schema: string,
  { undo = false, cancel }: DistributeOptions,
): Promise<[PlacedTenant['status'], SerializedError?]> {
  try {
    await changeTenant(project, client, {
      locks: [schema],
      purpose: `distribute ${schema}`,
      tenant: schema,
      undone: `The tenant "${schema}" stays where it is`,
      work: () =>
        asOwner(client, project.role, () =>
          undo ? undistributeSchema(client, schema) : distributeSchema(client, schema),
        ),
      isDone: async (other) => (await distributedAmong(other, [schema])).has(schema) !== undo,
      cancel,
    });
    return [undo ? 'undistributed' : 'distributed'];
  } catch (error) {
    // Without its connection nothing goes on.
    if (isConnectionError(error) || (isTenantsError(error) && error.code === 'DATABASE_UNREACHABLE')) throw error;
    return ['failed', serializeError(error)];
  }
}

function unexplained(tenant: string): SerializedError {
  return serializeError(new TenantsError('UNEXPECTED', `The tenant "${tenant}" was not placed.`, { tenant }));
}
