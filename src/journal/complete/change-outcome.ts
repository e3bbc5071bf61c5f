import type { Client } from 'pg';

import type { BatchItem } from '../../db/batch.js';
import type { Project } from '../../project/project.js';
import { readTenants } from '../../registry/list.js';
import { STATUS } from '../../registry/names.js';
import { orderBy } from '../../util/tenant-order.js';
import { noteFirst } from '../checksums/store.js';
import { journalTable } from '../place/versions.js';
import { type ResultRow, writeRows } from '../write/statements.js';
import type { OpenRun } from './open-runs.js';

/** What became of the tenants of an interrupted `create-tenant`, `delete-tenant` and the like, as the registry says it. */
export async function changeOutcome(
  client: Client,
  project: Project,
  schema: string,
  { id, command }: OpenRun,
): Promise<BatchItem[]> {
  const { rows } = await client.query<{ tenant: string }>(
    `SELECT tenant FROM ${journalTable(schema, 'results')} WHERE run = $1::bigint AND status = 'running'`,
    [id],
  );
  if (rows.length === 0) return [];
  const order = orderBy(project.registry.tenants.columns.schemaName);
  const names = rows.map(({ tenant }) => tenant);
  const found = new Map(
    (await readTenants(client, project.registry, { order, names })).map((one) => [one.schema, one]),
  );
  const done = DONE[command];
  const isDone = (name: string): boolean =>
    command === 'delete-tenant' ? !found.has(name) : found.get(name)?.status === STATUS.active;
  const results = names.map((tenant): ResultRow =>
    done !== undefined && isDone(tenant)
      ? { tenant, status: done, completed: true }
      : {
          tenant,
          status: 'failed',
          code: 'INTERRUPTED',
          message: 'The command was ended from outside.',
          completed: true,
        },
  );
  const first = new Map<string | null, string>();
  for (const { tenant, status } of results.toReversed()) {
    if (status !== 'failed') first.set(found.get(tenant)?.type ?? null, tenant);
  }
  return [
    writeRows(schema, id, results),
    ...[...first].map(([type, tenant]) => noteFirst(schema, id, tenant, { type })),
  ];
}

/** The status of the tenant after each command. */
export const DONE: Readonly<Record<string, string>> = {
  'create-tenant': 'created',
  'clone-tenant': 'cloned',
  'rename-tenant': 'renamed',
  'delete-tenant': 'deleted',
};
