import type { Client } from 'pg';

import type { BatchItem } from '../../db/batch.js';
import type { Project } from '../../project/project.js';
import { findTenant } from '../../registry/list.js';
import { STATUS } from '../../registry/names.js';
import { noteFirst } from '../checksums/store.js';
import { journalTable } from '../place/versions.js';
import { type ResultRow, writeRows } from '../write/statements.js';
import type { OpenRun } from './open-runs.js';

/** What became of the one tenant of an interrupted `create-tenant`, `delete-tenant` and the like, as the registry says it. */
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
  const [row] = rows;
  if (row === undefined) return [];
  const found = await findTenant(client, project.registry, row.tenant);
  const wanted = command === 'delete-tenant' ? found === undefined : found?.status === STATUS.active;
  const done = DONE[command];
  const result: ResultRow =
    wanted && done !== undefined
      ? { tenant: row.tenant, status: done, completed: true }
      : {
          tenant: row.tenant,
          status: 'failed',
          code: 'INTERRUPTED',
          message: 'The command was ended from outside.',
          completed: true,
        };
  return [writeRows(schema, id, [result]), ...(result.status === 'failed' ? [] : [noteFirst(schema, id, row.tenant)])];
}

/** The status of the tenant after each command. */
export const DONE: Readonly<Record<string, string>> = {
  'create-tenant': 'created',
  'clone-tenant': 'cloned',
  'rename-tenant': 'renamed',
  'delete-tenant': 'deleted',
};
