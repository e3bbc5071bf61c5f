import type { Client } from 'pg';

import { withCancel } from '../../db/backend/with-cancel.js';
import { distributedAmong, type NodeAddress, readTenantNodes, readWorkers } from '../../db/citus/nodes.js';
import { moveSchema, type TransferMode } from '../../db/citus/placement.js';
import { tenantLock, unlock } from '../../db/locks.js';
import { isConnectionError } from '../../db/sqlstates.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { Project } from '../../project/project.js';
import { assertNotPublic, requireTenant } from '../../registry/known-tenant.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { withChangeSession } from '../change-session.js';
import { lockTenant } from '../change-transaction.js';
import type { ChangeOptions } from '../changed-tenant.js';
import { requireCitus } from './require-citus.js';

export type MoveTenantOptions = ChangeOptions & {
  schema: string;
  /** `host:port`, as the nodes of the cluster know each other. */
  to: NodeAddress;
  /** Block writes for as long as the rows are copied, instead of following them by logical replication. */
  blockWrites?: boolean;
};

/** `moved` is false if the tenant was there already. */
export type MovedTenant = {
  tenant: { schema: string; name: string | null; type: string | null; status: string };
  from: NodeAddress | null;
  to: NodeAddress;
  moved: boolean;
  durationMs: number;
};

/**
 * Moves a distributed tenant to another node of the cluster, under its lock, so that no migration runs on it during the move. The
 * application can write: writes wait only at the end, unless they are blocked from the start.
 *
 * @throws TenantsError CITUS_UNAVAILABLE; UNKNOWN_TENANT; USAGE for an address that is none, no node or the coordinator, and for a tenant
 *   that is not distributed; TENANT_BUSY; INTERRUPTED; DATABASE_ERROR for what Citus refuses.
 */
export async function moveTenant(project: Project, options: MoveTenantOptions): Promise<MovedTenant> {
  const startedAt = performance.now();
  const { schema, to, blockWrites = false, cancel } = options;
  const { host, port } = parseNode(to);
  assertNotPublic(project.registry, schema, 'moved');
  return await withChangeSession(project, `move-tenant ${schema}`, async ({ client, server }) => {
    requireCitus(server, `The tenant "${schema}" cannot be moved`);
    const { name, type, status } = await requireTenant(client, project.registry, schema);
    await assertNode(client, to);
    if (!(await distributedAmong(client, [schema])).has(schema)) throw notDistributed(schema);
    await lockTenant(project, client, schema, cancel);
    try {
      const from = (await readTenantNodes(client, [schema])).get(schema) ?? null;
      if (from !== to) {
        const mode = blockWrites ? 'block_writes' : 'auto';
        await withCancel(project.database, client, cancel, () => move(client, schema, { host, port, mode }));
      }
      const durationMs = Math.round(performance.now() - startedAt);
      return { tenant: { schema, name, type, status }, from, to, moved: from !== to, durationMs };
    } finally {
      await unlock(client, tenantLock(schema)).catch(() => undefined);
    }
  });
}

/** @throws TenantsError USAGE */
export function parseNode(node: NodeAddress): { host: string; port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(node) ?? [];
  if (host !== undefined && Number(port) > 0 && Number(port) < 65_536) return { host, port: Number(port) };
  throw new TenantsError('USAGE', `"${node}" is not the address of a node: expected HOST:PORT.`);
}

async function assertNode(client: Client, to: NodeAddress): Promise<void> {
  const workers = await readWorkers(client);
  if (workers.includes(to)) return;
  throw new TenantsError('USAGE', `The cluster has no node ${to} that takes tenants.`, {
    suggestions: [workers.length === 0 ? 'No node takes tenants.' : `The nodes are: ${workers.join(', ')}`],
  });
}

function notDistributed(schema: string): TenantsError {
  return new TenantsError('USAGE', `The tenant "${schema}" is not distributed.`, {
    tenant: schema,
    suggestions: [`To place it on a node, run: ${tenantsCommand('distribute', schema)}`],
  });
}

async function move(
  client: Client,
  schema: string,
  target: { host: string; port: number; mode: TransferMode },
): Promise<void> {
  try {
    await moveSchema(client, schema, target);
  } catch (error) {
    if (isConnectionError(error)) throw error;
    const text = error instanceof Error ? error.message : String(error);
    const hint = error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
    throw new TenantsError('DATABASE_ERROR', `The tenant "${schema}" was not moved: ${text}.`, {
      tenant: schema,
      suggestions: [
        ...(hint === undefined ? [] : [hint]),
        ...(target.mode === 'auto'
          ? ['Tables without a primary key cannot be followed while they are written to: use --block-writes.']
          : []),
      ],
      cause: error,
    });
  }
}
