import type { Client } from 'pg';

import { quoteIdentifier } from '../db/identifiers.js';
import { assertNewSchemaName } from '../db/schema-name.js';
import type { HookCall } from '../engine/hooks/migrate-hooks.js';
import { TenantsError } from '../errors/tenants-error.js';
import { assertExtraSearchPath } from '../fleet/assert-extra-search-path.js';
import { hookCalls } from '../project/hook-calls.js';
import type { RenameHookContext } from '../project/hook-types.js';
import type { Project } from '../project/project.js';
import { assertAvailable } from '../registry/availability.js';
import { assertFinished, assertNotPublic, requireTenant } from '../registry/known-tenant.js';
import { findTenant, isRowTenant, readTenants } from '../registry/list.js';
import { lockRowStatement, renameStatement } from '../registry/statements.js';
import type { TenantWithDomains } from '../registry/types.js';
import { orderBy } from '../util/tenant-order.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { callInChange } from './call-hooks.js';
import { withChangeSession } from './change-session.js';
import { asOwner, changeTenant, send } from './change-transaction.js';
import { type ChangedTenant, type RenameTenantOptions, toChangedTenant } from './changed-tenant.js';
import { assertUnmentioned } from './mentions/assert-unmentioned.js';
import { findMentions } from './mentions/find-mentions.js';
import { rewriteFunctionPaths } from './mentions/function-paths.js';
import type { Mention } from './mentions/types.js';
import { recorded } from './record.js';
import { renameRowTenant } from './rows/rename.js';
import { namespaceOf } from './schema-contents.js';
import { writeRegistry } from './write-registry.js';

/**
 * Renames a tenant's schema and its row in one transaction. Domains, views, policies and constraints follow automatically, and the
 * search paths that functions set for themselves are adapted. Other texts that name the schema do not follow: they are refused, or
 * reported if that is allowed.
 *
 * After the COMMIT, sessions that have the old name in their search path no longer find the tenant's tables.
 *
 * @throws TenantsError UNKNOWN_TENANT; INVALID_NAME, TENANT_EXISTS or SCHEMA_EXISTS for the new name; SCHEMA_MENTIONED; USAGE for the
 *   public tenant, for one whose creation or deletion is unfinished, and for one without a schema; and what `changeTenant` throws.
 */
export async function renameTenant(project: Project, options: RenameTenantOptions): Promise<ChangedTenant> {
  const startedAt = performance.now();
  const { from, to } = options;
  const { registry } = project;
  assertNotPublic(registry, from, 'renamed');
  assertNewSchemaName(to);
  assertExtraSearchPath(project, [to]);
  if (from === to) throw new TenantsError('USAGE', `The tenant "${from}" has this name already.`, { tenant: from });
  const purpose = `rename-tenant ${from}`;
  return await withChangeSession(project, purpose, async ({ client }) => {
    const found = await requireTenant(client, registry, from);
    if (isRowTenant(registry, found)) {
      const renamed = await renameRowTenant(client, project, options, (name, tenant) =>
        callsOf(project, options, name, tenant),
      );
      return toChangedTenant(renamed.tenant, startedAt, renamed.warnings);
    }
    let oid: number | undefined;
    const record = { command: 'rename-tenant', tenant: to, options } as const;
    const change = {
      locks: [from, to],
      purpose,
      tenant: from,
      undone: undone(from),
      work: async () => {
        oid = await assertRenamable(client, project, options);
        return await rename(client, project, options);
      },
      isDone: async (other: Client) =>
        oid !== undefined &&
        (await namespaceOf(other, to)) === oid &&
        (await findTenant(other, registry, to)) !== undefined,
      cancel: options.cancel,
    };
    const { tenant, warnings, mentions } = await recorded(project, client, record, () =>
      changeTenant(project, client, change),
    );
    return { ...toChangedTenant(tenant, startedAt, warnings), mentions };
  });
}

/** Returns the OID of the schema. */
async function assertRenamable(
  client: Client,
  { registry }: Project,
  { from, to }: RenameTenantOptions,
): Promise<number> {
  await send(client, [lockRowStatement(registry, from)]);
  assertFinished(await requireTenant(client, registry, from));
  await assertAvailable(client, registry, { schema: to, domains: [], adopt: false, replaces: from });
  const oid = await namespaceOf(client, from);
  if (oid !== undefined) return oid;
  throw new TenantsError('USAGE', `The tenant "${from}" cannot be renamed: its schema does not exist.`, {
    tenant: from,
    suggestions: [`To create it, run: ${tenantsCommand('migrate', '--tenant', from, '--create-missing')}`],
  });
}

async function rename(
  client: Client,
  project: Project,
  options: RenameTenantOptions,
): Promise<{ tenant: TenantWithDomains; warnings: string[]; mentions: Mention[] }> {
  const { registry, role } = project;
  const { from, to } = options;
  await callHook(client, project, options, 'beforeRenameTenant', await requireTenant(client, registry, from));
  const registered = await readTenants(client, registry, { order: orderBy(registry.tenants.columns.schemaName) });
  const others = registered
    .map(({ schema }) => schema)
    .filter((schema) => schema !== from && schema !== registry.schema);
  const mentions = await findMentions(client, from, others);
  const allowed = options.allowMentions === true;
  const warnings = assertUnmentioned(mentions, { tenant: from, undone: undone(from), allowed });
  await writeRegistry(client, project, [renameStatement(registry, from, to)]);
  await asOwner(client, role, async () => {
    await client.query(`ALTER SCHEMA ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`);
    await rewriteFunctionPaths(client, { from, to });
  });
  const tenant = await requireTenant(client, registry, to);
  const told = await callHook(client, project, options, 'afterRenameTenant', tenant);
  return { tenant, warnings: [...warnings, ...told], mentions };
}

function undone(from: string): string {
  return `The tenant "${from}" was not renamed`;
}

async function callHook(
  client: Client,
  project: Project,
  options: RenameTenantOptions,
  name: 'beforeRenameTenant' | 'afterRenameTenant',
  tenant: TenantWithDomains,
): Promise<string[]> {
  return await callInChange(client, project, {
    calls: callsOf(project, options, name, tenant),
    tenant: tenant.schema,
    path: [tenant.schema, project.shared.schema, ...project.tenants.extraSearchPath],
    watched: true,
    cancel: options.cancel,
  });
}

function callsOf(
  project: Project,
  { from, to, hooks = project.hooks }: RenameTenantOptions,
  name: 'beforeRenameTenant' | 'afterRenameTenant',
  { schema, type, domains }: TenantWithDomains,
): HookCall[] {
  const told = { tenant: schema, type, domains: domains.map(({ domain }) => domain), from, to };
  return hookCalls<RenameHookContext>(name, hooks?.[name], told);
}
