import type { Client } from 'pg';

import { tenantLock, unlock } from '../../db/locks.js';
import { isTenantsError, TenantsError } from '../../errors/tenants-error.js';
import { hookCalls } from '../../project/hook-calls.js';
import type { Project } from '../../project/project.js';
import { requireTenant } from '../../registry/known-tenant.js';
import { findTenant } from '../../registry/list.js';
import { STATUS } from '../../registry/names.js';
import {
  lockRowForDeletion,
  lockRowStatement,
  markDeletingStatement,
  removeDomainsStatements,
  removeTenantStatements,
} from '../../registry/statements.js';
import type { TenantWithDomains } from '../../registry/types.js';
import { deleteRows } from '../../row-tables/delete-rows.js';
import { type RowsFile, withRowsFile } from '../../row-tables/dump-rows.js';
import { enterRows, pathOfRows } from '../../row-tables/row-scope.js';
import { countRows, readRowTables, type TableGroup } from '../../row-tables/row-tables.js';
import { plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { callInChange } from '../call-hooks.js';
import { changeFailure } from '../change-failure.js';
import { changeTenant, lockTenant, send } from '../change-transaction.js';
import type { DeleteTenantOptions } from '../changed-tenant.js';
import { writeRegistry } from '../write-registry.js';

/** Rows that one transaction deletes. */
const BATCH_SIZE = 10_000;

/**
 * Deletes a tenant that shares tables: its rows, those that refer to others first, then its registration. In one transaction if
 * the rows fit into a batch; otherwise as a large schema is dropped, with the status `deleting` in between.
 *
 * @throws TenantsError USAGE for `keepSchema`; FILE_EXISTS; and what `changeTenant` throws.
 */
export async function deleteRowTenant(
  client: Client,
  project: Project,
  options: DeleteTenantOptions,
): Promise<{ tenant: TenantWithDomains; warnings: string[] }> {
  const { schema, dump } = options;
  if (options.keepSchema === true) {
    throw new TenantsError('USAGE', `The tenant "${schema}" shares tables: it has no schema that could be kept.`, {
      tenant: schema,
      suggestions: ['Without --keep-schema its rows are deleted; --dump FILE saves them first.'],
    });
  }
  const tenant =
    dump === undefined
      ? await remove(client, project, options)
      : await withRowsFile(project.registry, dump, (file) => remove(client, project, options, file));
  return { tenant, warnings: [] };
}

async function remove(
  client: Client,
  project: Project,
  options: DeleteTenantOptions,
  file?: RowsFile,
): Promise<TenantWithDomains> {
  const { schema, batchSize = BATCH_SIZE } = options;
  const { registry } = project;
  const change = {
    locks: [schema],
    purpose: `delete-tenant ${schema}`,
    tenant: schema,
    undone: `The tenant "${schema}" was not deleted`,
    cancel: options.cancel,
  };
  const isGone = async (other: Client): Promise<boolean> => (await findTenant(other, registry, schema)) === undefined;
  let left: readonly TableGroup[] | undefined;
  const tenant = await changeTenant(project, client, {
    ...change,
    work: async () => {
      const found = await prepare(client, project, options, file);
      if (found.rows > batchSize) {
        left = found.groups;
        const mark = markDeletingStatement(registry, schema);
        const statements = [...removeDomainsStatements(registry, schema), ...(mark === undefined ? [] : [mark])];
        await writeRegistry(client, project, statements);
      } else await deleteRest(client, project, schema, found.groups);
      return found.tenant;
    },
    isDone: async (other) =>
      (await isGone(other)) ||
      (left !== undefined && (await findTenant(other, registry, schema))?.status === STATUS.deleting),
  }).catch(async (error: unknown) => {
    // When the outcome is unknown, the dump may be the only copy.
    if (!isTenantsError(error) || error.code !== 'OUTCOME_UNKNOWN') await file?.remove();
    throw error;
  });
  if (left === undefined) return tenant;
  const inPart = {
    ...change,
    undone: `The tenant "${schema}" was deleted in part (${tenantsCommand('delete-tenant', schema)} continues)`,
  };
  await deleteLarge(client, project, options, { groups: left, batchSize, change: inPart, isGone }).catch(
    (error: unknown) => {
      throw changeFailure(error, inPart);
    },
  );
  return tenant;
}

/** Everything that can refuse the deletion comes before the first change. */
async function prepare(
  client: Client,
  project: Project,
  { schema, hooks = project.hooks, cancel }: DeleteTenantOptions,
  file: RowsFile | undefined,
): Promise<{ tenant: TenantWithDomains; groups: readonly TableGroup[]; rows: number }> {
  const { registry } = project;
  // A row that refers to the tenant cannot be added before the transaction ends; those that are deleted in batches are many anyway.
  await send(client, [file === undefined ? lockRowStatement(registry, schema) : lockRowForDeletion(registry, schema)]);
  const tenant = await requireTenant(client, registry, schema);
  if (file !== undefined && tenant.status === STATUS.deleting) {
    throw new TenantsError('USAGE', `The tenant "${schema}" is already partly deleted: a dump would be incomplete.`, {
      tenant: schema,
      suggestions: [`To finish the deletion, run without --dump: ${tenantsCommand('delete-tenant', schema)}`],
    });
  }
  const key = await enterRows(client, registry, schema);
  await callInChange(client, project, {
    calls: hookCalls('beforeDeleteTenant', hooks?.beforeDeleteTenant, {
      tenant: schema,
      type: tenant.type,
      domains: tenant.domains.map(({ domain }) => domain),
    }),
    tenant: schema,
    path: pathOfRows(project),
    watched: false,
    cancel,
  });
  await enterRows(client, registry, schema);
  const groups = await readRowTables(client, registry);
  const tables = groups.flatMap((group) => group.tables);
  const counts = await countRows(client, registry, tables, key);
  if (file !== undefined) await file.write(client, schema, key, tables);
  return { tenant, groups, rows: counts.reduce((sum, { rows }) => sum + rows, 0) };
}

/** What is left, and the registration with it. The lock keeps rows from being added for the tenant until the transaction ends. */
async function deleteRest(
  client: Client,
  project: Project,
  schema: string,
  groups: readonly TableGroup[],
): Promise<void> {
  const { registry } = project;
  await send(client, [lockRowForDeletion(registry, schema)]);
  const key = await enterRows(client, registry, schema);
  await deleteRows(client, registry, groups, key);
  await writeRegistry(client, project, removeTenantStatements(registry, schema));
}

async function deleteLarge(
  client: Client,
  project: Project,
  { schema, onEvent }: DeleteTenantOptions,
  work: {
    groups: readonly TableGroup[];
    batchSize: number;
    change: { locks: string[]; purpose: string; tenant: string; undone: string; cancel: AbortSignal | undefined };
    isGone: (client: Client) => Promise<boolean>;
  },
): Promise<void> {
  const { registry } = project;
  const { groups, batchSize, change, isGone } = work;
  await lockTenant(project, client, schema, change.cancel);
  const message = `The tenant "${schema}" has many rows, which are deleted in several transactions (${plural(batchSize, 'row')} each).`;
  onEvent?.({ type: 'warning', message });
  const deleteBatch = (): Promise<boolean> =>
    changeTenant(project, client, {
      ...change,
      work: async () => {
        const key = await enterRows(client, registry, schema);
        return (await deleteRows(client, registry, groups, key, batchSize)).more;
      },
      // The next batch deletes whatever this one did not.
      isDone: () => Promise.resolve(true),
    });
  while (await deleteBatch());
  await changeTenant(project, client, {
    ...change,
    work: () => deleteRest(client, project, schema, groups),
    isDone: isGone,
  });
  await unlock(client, tenantLock(schema));
}
