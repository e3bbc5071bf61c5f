import type { Client } from 'pg';

import { codeOf, SQLSTATE } from '../db/sqlstates.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { assertDomainsAvailable } from '../registry/availability.js';
import { parseDomain } from '../registry/domain-name.js';
import { findDomain, makePrimaryStatements } from '../registry/domains.js';
import { requireTenant } from '../registry/known-tenant.js';
import { findTenant } from '../registry/list.js';
import { STATUS } from '../registry/names.js';
import { domainStatement } from '../registry/registration.js';
import { lockRowStatement } from '../registry/statements.js';
import type { TenantWithDomains } from '../registry/types.js';
import { withChangeSession } from './change-session.js';
import { changeTenant, send } from './change-transaction.js';
import { type ChangedTenant, type ChangeOptions, toChangedTenant } from './changed-tenant.js';
import { writeRegistry } from './write-registry.js';

export type CreateDomainOptions = ChangeOptions & {
  schema: string;
  domain: string;
  /** Make it the primary domain. A tenant's first domain always becomes primary. */
  primary?: boolean;
};

/**
 * Adds a domain to a tenant, which may be the public one. A domain that the tenant already has is accepted. With `primary`,
 * the domain becomes the primary one, and the previous one stops being primary in the same transaction.
 *
 * The tenant's lock is not needed, because no schema changes. Its row is locked, so that concurrent calls are serialized.
 *
 * @throws TenantsError INVALID_DOMAIN, UNKNOWN_TENANT, DOMAIN_TAKEN with the owner; USAGE for `primary` if the registry has
 *   no column for it; and what `changeTenant` throws.
 */
export async function createDomain(project: Project, options: CreateDomainOptions): Promise<ChangedTenant> {
  const startedAt = performance.now();
  const { schema } = options;
  const domain = parseDomain(options.domain);
  const purpose = `create-domain ${schema}`;
  return await withChangeSession(project, purpose, async ({ client }) => {
    const tenant = await changeTenant(project, client, {
      locks: [],
      purpose,
      tenant: schema,
      undone: `"${domain}" was not added to the tenant "${schema}"`,
      work: () => addDomain(client, project, { ...options, domain }),
      isDone: (other) => isThere(other, project, { ...options, domain }),
      cancel: options.cancel,
    }).catch(async (error: unknown) => {
      // Someone was faster after the look; the second look names them.
      if (isUniqueViolation(error)) await assertDomainsAvailable(client, project.registry, [{ domain }]);
      throw error;
    });
    return toChangedTenant(tenant, startedAt);
  });
}

async function addDomain(
  client: Client,
  project: Project,
  { schema, domain, primary = false }: CreateDomainOptions,
): Promise<TenantWithDomains> {
  const { registry } = project;
  // Before anything is read: what two calls at once see must not be the same.
  await send(client, [lockRowStatement(registry, schema)]);
  const before = await requireTenant(client, registry, schema);
  if (before.status === STATUS.deleting) {
    throw new TenantsError('USAGE', `The tenant "${schema}" is being deleted and gets no more domains.`, {
      tenant: schema,
    });
  }
  const owner = await findDomain(client, registry, domain);
  if (owner !== undefined && owner.tenant !== schema) await assertDomainsAvailable(client, registry, [{ domain }]);
  const first = before.domains.length === 0;
  const spelled = owner?.domain ?? domain;
  await writeRegistry(client, project, [
    ...(owner === undefined ? [domainStatement(registry, { schema }, { domain, primary: first })] : []),
    ...(primary ? makePrimaryStatements(registry, schema, spelled) : []),
  ]);
  return await requireTenant(client, registry, schema);
}

async function isThere(client: Client, { registry }: Project, wish: CreateDomainOptions): Promise<boolean> {
  const tenant = await findTenant(client, registry, wish.schema);
  const found = tenant?.domains.find(({ domain }) => domain.toLowerCase() === wish.domain);
  return found !== undefined && (wish.primary !== true || found.primary);
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof TenantsError && codeOf(error.cause) === SQLSTATE.uniqueViolation;
}
