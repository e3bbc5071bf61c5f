import type { Client } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { findDomain, removeDomainStatement, requireDomain } from '../registry/domains.js';
import { findTenant } from '../registry/list.js';
import { lockRowStatement } from '../registry/statements.js';
import type { TenantDomain, TenantWithDomains } from '../registry/types.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { withChangeSession } from './change-session.js';
import { changeTenant, send } from './change-transaction.js';
import { type ChangeOptions, type DeletedDomain, toChangedTenant } from './changed-tenant.js';
import { writeRegistry } from './write-registry.js';

/**
 * Removes a domain from its tenant. No other domain becomes primary; a warning says so. `deleted` in the result has what is
 * needed to restore the domain.
 *
 * @throws TenantsError UNKNOWN_DOMAIN with the nearest ones; and what `changeTenant` throws.
 */
export async function deleteDomain(
  project: Project,
  options: ChangeOptions & { domain: string },
): Promise<DeletedDomain> {
  const startedAt = performance.now();
  const domain = options.domain.trim();
  const purpose = `delete-domain ${domain}`;
  return await withChangeSession(project, purpose, async ({ client }) => {
    const { tenant, deleted } = await changeTenant(project, client, {
      locks: [],
      purpose,
      tenant: domain,
      undone: `The domain "${domain}" was not deleted`,
      work: () => removeDomain(client, project, domain),
      isDone: async (other) => (await findDomain(other, project.registry, domain)) === undefined,
      cancel: options.cancel,
    });
    const headless = deleted.primary && tenant.domains.length > 0;
    const other = tenant.domains[0]?.domain ?? '';
    const warnings = headless
      ? [
          `The tenant "${tenant.schema}" has no primary domain now. To choose one, run: ${tenantsCommand('create-domain', tenant.schema, other, '--primary')}`,
        ]
      : [];
    return { ...toChangedTenant(tenant, startedAt, warnings), deleted };
  });
}

async function removeDomain(
  client: Client,
  project: Project,
  wish: string,
): Promise<{ tenant: TenantWithDomains; deleted: TenantDomain }> {
  const { registry } = project;
  const { domain, tenant: schema } = await requireDomain(client, registry, wish);
  if (schema !== null) await send(client, [lockRowStatement(registry, schema)]);
  const before = schema === null ? undefined : await findTenant(client, registry, schema);
  await writeRegistry(client, project, [removeDomainStatement(registry, domain)]);
  const deleted = before?.domains.find((one) => one.domain === domain);
  const tenant = schema === null ? undefined : await findTenant(client, registry, schema);
  if (tenant === undefined || deleted === undefined) {
    throw new TenantsError(
      'UNEXPECTED',
      `The domain "${domain}" no longer belongs to a tenant. To see all domains, run: ${tenantsCommand('list')}`,
    );
  }
  return { tenant, deleted };
}
