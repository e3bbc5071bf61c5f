import type { Client } from 'pg';

import type { BatchItem } from '../db/batch.js';
import { assertOwn } from '../db/own-session.js';
import { assertWritable } from '../db/server.js';
import { TenantsError } from '../errors/tenants-error.js';
import { assertExtraSearchPath } from '../fleet/assert-extra-search-path.js';
import { readShared } from '../fleet/read-shared.js';
import { assertSharedCurrent, compareShared } from '../fleet/shared-schema.js';
import type { Project } from '../project/project.js';
import { assertAvailable, tenantExists } from '../registry/availability.js';
import { assertRegistry } from '../registry/check.js';
import { findTenant, isRowTenant } from '../registry/list.js';
import { STATUS } from '../registry/names.js';
import { createPublicTenant, hasDomains } from '../registry/public-tenant.js';
import type { NewTenant } from '../registry/registration.js';
import type { TenantWithDomains } from '../registry/types.js';
import { withSession } from '../session/control-session.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { changeTenant, send } from './change-transaction.js';
import { withDistribution } from './citus/with-distribution.js';
import { createSchema } from './create-schema.js';
import type { CreatedTenant, CreateTenantOptions, CreateTenantResult } from './create-types.js';
import { takeCreationLock } from './creation-lock.js';
import { registrationOf } from './registration-of.js';
import { createRowTenant } from './rows/create.js';

/**
 * Registers a tenant, creates its schema and migrates it, in one transaction: any error leaves nothing behind. If a
 * migration cannot run in a transaction, the tenant is `provisioning` until the end and is removed if that fails; a tenant
 * that a killed process left behind is finished by the same call.
 *
 * A tenant of a type that is kept as rows gets a row and its domains: the tables that it shares are there already.
 *
 * The name of the shared schema creates the public tenant: a row and domains, nothing else.
 *
 * @throws TenantsError INVALID_NAME, INVALID_DOMAIN, UNKNOWN_TYPE, TENANT_EXISTS, SCHEMA_EXISTS, DOMAIN_TAKEN,
 *   SHARED_PENDING, REGISTRY_MISSING, CITUS_UNAVAILABLE, MIGRATION_REFUSED, MIGRATION_FAILED, or an error of the connection.
 */
export async function createTenant(given: Project, options: CreateTenantOptions): Promise<CreateTenantResult> {
  const startedAt = performance.now();
  const registration = registrationOf(given, options);
  if (options.adopt === true && isRowTenant(given.registry, registration)) throw nothingToAdopt(registration);
  assertExtraSearchPath(given, [options.schema]);
  options.onEvent?.({ type: 'phase', phase: 'connect' });
  return await withSession(given, `create-tenant ${options.schema}`, async ({ client, server, session }) => {
    assertWritable(server);
    assertOwn(session);
    await assertRegistry(client, given.registry);
    const project = await withDistribution(client, server, given);
    if (registration.schema === project.shared.schema) {
      const made = await createPublic(client, project, registration, options);
      return { ...answer(made.tenant, [], startedAt), created: made.created };
    }
    await takeCreationLock(client, project, registration.schema, options.cancel);
    const existing = await findTenant(client, project.registry, registration.schema);
    if (isRowTenant(project.registry, registration)) {
      if (existing !== undefined && options.ifNotExists === true) {
        return { ...answer(acceptExisting(existing, registration), [], startedAt), created: false };
      }
      await createRowTenant(client, project, registration, options);
      // The tenant exists, even if this last look fails.
      const made = await findTenant(client, project.registry, registration.schema).catch(() => undefined);
      return { ...answer(made ?? registration, [], startedAt), created: true };
    }
    const leftover = existing?.status === STATUS.provisioning && hasDomains(existing, registration.domains);
    if (existing !== undefined && !leftover && options.ifNotExists === true) {
      return { ...answer(acceptExisting(existing, registration), [], startedAt), created: false };
    }
    if (!leftover) await assertAvailable(client, project.registry, { ...registration, adopt: options.adopt === true });
    assertSharedCurrent(compareShared(await readShared(client, project), project.checkOrder), 'new tenant');
    const type = leftover ? existing.type : registration.type;
    const work = { registration: { ...registration, type }, leftover, options, version: server.version };
    const migrations = await createSchema(client, project, work);
    options.onEvent?.({
      type: 'tenant:done',
      result: { tenant: registration.schema, status: 'applied', migrations, durationMs: performance.now() - startedAt },
    });
    // The tenant exists, even if this last look fails.
    const made = await findTenant(client, project.registry, registration.schema).catch(() => undefined);
    return { ...answer(made ?? registration, migrations, startedAt), created: true };
  });
}

function nothingToAdopt({ schema, type }: NewTenant): TenantsError {
  return new TenantsError('USAGE', `Tenants of the type "${type}" have no schema of their own to adopt.`, {
    tenant: schema,
    suggestions: ['Leave out --adopt, or choose a type that has migrations of its own.'],
  });
}

/** The public tenant is a row and its domains; nothing else is locked or changed. */
async function createPublic(
  client: Client,
  project: Project,
  { schema, name, domains, extra }: NewTenant,
  { ifNotExists = false, cancel }: CreateTenantOptions,
): Promise<{ tenant: TenantWithDomains; created: boolean }> {
  const { registry, tenants } = project;
  const inTransaction = (items: BatchItem[]): Promise<void> =>
    changeTenant(project, client, {
      locks: [],
      purpose: `create-tenant ${schema}`,
      tenant: schema,
      undone: `The tenant "${schema}" was not created`,
      work: () => send(client, items),
      isDone: async (other) => {
        const found = await findTenant(other, registry, schema);
        return found !== undefined && hasDomains(found, domains);
      },
      cancel,
    });
  const { extraSearchPath } = tenants;
  return await createPublicTenant(client, registry, {
    inTransaction,
    name,
    domains,
    ifNotExists,
    extra,
    extraSearchPath,
  });
}

/** @throws TenantsError TENANT_EXISTS if the tenant is unfinished or lacks one of the requested domains. */
function acceptExisting(existing: TenantWithDomains, { schema, domains }: NewTenant): TenantWithDomains {
  const unfinished = existing.status === STATUS.provisioning || existing.status === STATUS.deleting;
  if (!unfinished && hasDomains(existing, domains)) return existing;
  if (unfinished) throw tenantExists(schema, existing.status);
  const absent = domains.filter((wanted) => !hasDomains(existing, [wanted])).map(({ domain }) => domain);
  throw new TenantsError(
    'TENANT_EXISTS',
    `The tenant "${schema}" already exists, without ${absent.map((domain) => `"${domain}"`).join(', ')}.`,
    {
      tenant: schema,
      suggestions: absent.map((domain) => `To add it, run: ${tenantsCommand('create-domain', schema, domain)}`),
    },
  );
}

function answer(
  tenant: Pick<NewTenant, 'schema' | 'name' | 'type' | 'status' | 'domains'>,
  migrations: string[],
  startedAt: number,
): CreatedTenant {
  const { schema, name, type, status, domains } = tenant;
  return {
    tenant: { schema, name, type, status },
    domains: [...domains],
    migrations,
    durationMs: Math.round(performance.now() - startedAt),
  };
}
