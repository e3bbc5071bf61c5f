import type { Client } from 'pg';

import { type HookCall } from '../../engine/hooks/migrate-hooks.js';
import type { Project } from '../../project/project.js';
import { assertAvailable } from '../../registry/availability.js';
import { assertFinished, requireTenant } from '../../registry/known-tenant.js';
import { findTenant } from '../../registry/list.js';
import { lockRowStatement, renameStatement } from '../../registry/statements.js';
import type { TenantWithDomains } from '../../registry/types.js';
import { enterRows, pathOfRows } from '../../row-tables/row-scope.js';
import { callInChange } from '../call-hooks.js';
import { changeTenant, send } from '../change-transaction.js';
import type { RenameTenantOptions } from '../changed-tenant.js';
import { recorded } from '../record.js';
import { writeRegistry } from '../write-registry.js';

/**
 * Gives a tenant that shares tables another name. Its rows refer to the key of its row, which stays.
 *
 * @param callsOf the calls of the hook before, or after, the tenant has its new name
 * @throws TenantsError as `renameTenant`.
 */
export async function renameRowTenant(
  client: Client,
  project: Project,
  options: RenameTenantOptions,
  callsOf: (name: 'beforeRenameTenant' | 'afterRenameTenant', tenant: TenantWithDomains) => readonly HookCall[],
): Promise<{ tenant: TenantWithDomains; warnings: string[] }> {
  const { from, to, cancel } = options;
  const { registry } = project;
  const hook = { path: pathOfRows(project), watched: false, cancel };
  const change = {
    locks: [from, to],
    purpose: `rename-tenant ${from}`,
    tenant: from,
    undone: `The tenant "${from}" was not renamed`,
    cancel,
    work: async () => {
      await send(client, [lockRowStatement(registry, from)]);
      const before = await requireTenant(client, registry, from);
      assertFinished(before);
      await assertAvailable(client, registry, { schema: to, domains: [], adopt: false, replaces: from });
      await enterRows(client, registry, from);
      const told = { ...hook, tenant: from, calls: callsOf('beforeRenameTenant', before) };
      const warnings = await callInChange(client, project, told);
      await writeRegistry(client, project, [renameStatement(registry, from, to)]);
      const tenant = await requireTenant(client, registry, to);
      const calls = callsOf('afterRenameTenant', tenant);
      return {
        tenant,
        warnings: [...warnings, ...(await callInChange(client, project, { ...hook, tenant: to, calls }))],
      };
    },
    isDone: async (other: Client) =>
      (await findTenant(other, registry, from)) === undefined && (await findTenant(other, registry, to)) !== undefined,
  };
  const record = { command: 'rename-tenant', tenant: to, options } as const;
  return await recorded(project, client, record, () => changeTenant(project, client, change));
}
