import type { Client } from 'pg';

import { assertNewSchemaName } from '../db/schema-name.js';
import { HookError } from '../engine/hooks/run-hook.js';
import { TenantsError } from '../errors/tenants-error.js';
import { assertExtraSearchPath } from '../fleet/assert-extra-search-path.js';
import { withDumpEnvironment } from '../pg-dump/environment.js';
import { assertPgDump } from '../pg-dump/find.js';
import { hookCalls } from '../project/hook-calls.js';
import type { Hooks } from '../project/hook-types.js';
import type { Project } from '../project/project.js';
import { assertAvailable } from '../registry/availability.js';
import { parseDomain } from '../registry/domain-name.js';
import { assertFinished, assertNotPublic, requireTenant } from '../registry/known-tenant.js';
import { findTenant, isRowTenant, readTenants } from '../registry/list.js';
import { STATUS } from '../registry/names.js';
import { readOwnColumns } from '../registry/own-columns.js';
import { registrationFailure } from '../registry/registration-failure.js';
import { type NewTenant, registrationStatements } from '../registry/registration.js';
import { lockRowStatement } from '../registry/statements.js';
import type { TenantWithDomains } from '../registry/types.js';
import { orderBy } from '../util/tenant-order.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { callInChange } from './call-hooks.js';
import { withChangeSession } from './change-session.js';
import { asOwner, changeTenant, send } from './change-transaction.js';
import { type ChangedTenant, type ChangeOptions, toChangedTenant } from './changed-tenant.js';
import { copySchema } from './copy-schema.js';
import { assertUnmentioned } from './mentions/assert-unmentioned.js';
import { findMentionsWithin } from './mentions/find-mentions.js';
import { rewriteFunctionPaths } from './mentions/function-paths.js';
import type { Mention } from './mentions/types.js';
import { recorded } from './record.js';
import { namespaceOf, readContents } from './schema-contents.js';
import { writeRegistry } from './write-registry.js';

export type CloneTenantOptions = ChangeOptions & {
  source: string;
  schema: string;
  /** The first one is the primary domain. */
  domains?: string[];
  label?: string;
  /** The source's type; any other type is refused, because it has different migrations. */
  type?: string;
  /** Values of additional columns of the tenant table, as text that PostgreSQL casts. Default: those of the source. */
  set?: Record<string, string>;
  /** Copy the structure only; the migrations table keeps its rows. */
  noData?: boolean;
  /** Clone also while texts in the source name its schema, or that of another tenant. Default: refuse. */
  allowMentions?: boolean;
  /** Default: the project's hooks. */
  hooks?: Pick<Hooks, 'beforeCreateTenant' | 'afterCreateTenant'>;
};

/**
 * Creates a tenant with the structure and the rows of another, in one transaction: any error leaves nothing behind.
 *
 * `pg_dump` describes the source, and its output is executed as it is; `copySchema` explains how it ends up in a schema of
 * another name. The search paths that functions set for themselves are adapted. Other texts of the source that name its schema, or
 * that of another tenant, would be copied unchanged: they are refused, or reported if that is allowed.
 *
 * The row of the copy has the source's values in the columns that the owner of the tenant table has added, except for those that must
 * be unique.
 *
 * The copy shows the source as it was when its lock was acquired; applications can keep reading and writing it.
 *
 * @throws TenantsError UNKNOWN_TENANT; INVALID_NAME, TENANT_EXISTS, SCHEMA_EXISTS, DOMAIN_TAKEN, INVALID_DOMAIN for the new
 *   tenant; SCHEMA_MENTIONED; USAGE for a source that is public, unfinished, of another type, without a schema or contains an extension;
 *   PG_DUMP_UNAVAILABLE, PG_DUMP_FAILED; and what `changeTenant` throws.
 */
export async function cloneTenant(project: Project, options: CloneTenantOptions): Promise<ChangedTenant> {
  const startedAt = performance.now();
  const { source, schema } = options;
  const { registry, database } = project;
  assertNotPublic(registry, source, 'cloned');
  assertNewSchemaName(schema);
  assertExtraSearchPath(project, [schema]);
  const domains = (options.domains ?? []).map((domain, index) => ({
    domain: parseDomain(domain),
    primary: index === 0,
  }));
  const purpose = `clone-tenant ${source}`;
  const result = await withChangeSession(project, purpose, async ({ client, server }) => {
    const { type } = await assertClonable(client, project, options);
    const registration: NewTenant = {
      schema,
      name: options.label ?? null,
      type,
      status: STATUS.active,
      extra: options.set ?? {},
      domains,
    };
    return await withDumpEnvironment(database, `tenants: ${purpose}`, async (environment) => {
      await assertPgDump(environment, server.version);
      const change = {
        locks: [source, schema],
        purpose,
        tenant: schema,
        undone: undone(schema),
        cancel: options.cancel,
        work: () => clone(client, project, options, registration, environment),
        isDone: async (other: Client) => (await findTenant(other, registry, schema)) !== undefined,
      };
      const record = { command: 'clone-tenant', tenant: schema, options } as const;
      return await recorded(project, client, record, () =>
        changeTenant(project, client, change).catch(async (error: unknown) => {
          if (error instanceof HookError) throw error;
          const reason = error instanceof TenantsError ? error.cause : error;
          const explained = await registrationFailure(client, registry, { ...registration, adopt: false }, reason);
          throw explained instanceof TenantsError ? explained : error;
        }),
      );
    });
  });
  return { ...toChangedTenant(result.tenant, startedAt, result.warnings), mentions: result.mentions };
}

async function clone(
  client: Client,
  project: Project,
  options: CloneTenantOptions,
  registration: NewTenant,
  environment: NodeJS.ProcessEnv,
): Promise<{ tenant: TenantWithDomains; warnings: string[]; mentions: Mention[] }> {
  const { registry } = project;
  const { source, schema, noData = false, hooks = project.hooks } = options;
  const { type, domains } = registration;
  const told = { tenant: schema, type, domains: domains.map(({ domain }) => domain), source };
  const call = { tenant: schema, cancel: options.cancel };
  const shared = [project.shared.schema, ...project.tenants.extraSearchPath];
  await send(client, [lockRowStatement(registry, source)]);
  await assertClonable(client, project, options);
  await assertAvailable(client, registry, { schema, domains: registration.domains, adopt: false });
  const registered = await readTenants(client, registry, { order: orderBy(registry.tenants.columns.schemaName) });
  const tenants = new Set(registered.map((one) => one.schema).filter((name) => name !== registry.schema));
  const mentions = await findMentionsWithin(client, source, tenants);
  const allowed = options.allowMentions === true;
  const warnings = assertUnmentioned(mentions, { tenant: source, undone: undone(schema), allowed });
  await callInChange(client, project, {
    ...call,
    calls: hookCalls('beforeCreateTenant', hooks?.beforeCreateTenant, told),
    path: shared,
    watched: false,
  });
  registration.extra = { ...(await readOwnColumns(client, registry, source)), ...options.set };
  await writeRegistry(client, project, registrationStatements(registry, registration));
  // The dump changes the settings of the session, so everything about the registry comes first.
  const tenant = await requireTenant(client, registry, schema);
  await copySchema(client, project, { source, schema, noData, environment, cancel: options.cancel });
  await asOwner(client, project.role, () => rewriteFunctionPaths(client, { from: source, to: schema, within: schema }));
  const others = await callInChange(client, project, {
    ...call,
    calls: hookCalls('afterCreateTenant', hooks?.afterCreateTenant, told),
    path: [schema, ...shared],
    watched: true,
  });
  return { tenant, warnings: [...warnings, ...others], mentions };
}

function undone(schema: string): string {
  return `The tenant "${schema}" was not created`;
}

async function assertClonable(
  client: Client,
  { registry }: Project,
  { source, type }: CloneTenantOptions,
): Promise<TenantWithDomains> {
  const tenant = await requireTenant(client, registry, source);
  assertFinished(tenant);
  if (isRowTenant(registry, tenant)) {
    throw new TenantsError(
      'USAGE',
      `The tenant "${source}" cannot be cloned: its rows share tables with other tenants, and their keys cannot be given twice.`,
      {
        tenant: source,
        suggestions: [
          `Create a tenant and copy what it needs: ${tenantsCommand('create-tenant', 'NAME', '--type', tenant.type ?? '')}`,
        ],
      },
    );
  }
  if (type !== undefined && type !== tenant.type) {
    const is = tenant.type === null ? 'has no type' : `is of type "${tenant.type}"`;
    throw new TenantsError('USAGE', `The copy of "${source}" cannot be of type "${type}": the source ${is}.`, {
      tenant: source,
      suggestions: ['Omit --type: a copy has the type of its source.'],
    });
  }
  if ((await namespaceOf(client, source)) === undefined) {
    throw new TenantsError('USAGE', `The tenant "${source}" cannot be cloned: its schema does not exist.`, {
      tenant: source,
      suggestions: [`To create it, run: ${tenantsCommand('migrate', '--tenant', source, '--create-missing')}`],
    });
  }
  const [extension] = (await readContents(client, source))?.extensions ?? [];
  if (extension === undefined) return tenant;
  throw new TenantsError(
    'USAGE',
    `The tenant "${source}" cannot be cloned: the extension "${extension}" is installed in its schema, and a database can have each extension only once.`,
    { tenant: source, suggestions: [`Move it: ALTER EXTENSION "${extension.replaceAll('"', '""')}" SET SCHEMA …`] },
  );
}
