import type { Client } from 'pg';

import type { BatchItem } from '../db/batch.js';
import { USERS_ROW_SECURITY } from '../db/empty-search-path.js';
import { searchPath } from '../db/identifiers.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { assertPublicAvailable, tenantExists } from './availability.js';
import { findTenant } from './list.js';
import { type RegistryShape, STATUS } from './names.js';
import { registrationFailure } from './registration-failure.js';
import { registrationStatements } from './registration.js';
import type { TenantDomain, TenantWithDomains } from './types.js';

export type PublicTenantOptions = {
  /** Sends statements in a transaction of their own. What the server refuses is the error's `cause`, or the error itself. */
  inTransaction: (items: BatchItem[]) => Promise<void>;
  name: string | null;
  domains: readonly TenantDomain[];
  /** A public tenant that has these domains already is what was wished for. */
  ifNotExists: boolean;
  extra: Record<string, string | null>;
  /** Schemas that the owner's triggers find names in, besides the shared one. */
  extraSearchPath?: readonly string[];
};

/**
 * Registers the tenant whose schema is the shared one, with its domains, in one transaction; makes no schema. The client
 * must not be in a transaction.
 *
 * @returns the tenant as it is registered now, and whether this call did it.
 * @throws TenantsError TENANT_EXISTS, DOMAIN_TAKEN, REGISTRY_MISSING, REGISTRY_MISMATCH, USAGE.
 */
export async function createPublicTenant(
  client: Client,
  shape: RegistryShape,
  { inTransaction, name, domains, ifNotExists, extra, extraSearchPath = [] }: PublicTenantOptions,
): Promise<{ tenant: TenantWithDomains; created: boolean }> {
  const registration = { schema: shape.schema, name, type: null, status: STATUS.active, extra, domains, adopt: true };
  const items = registrationStatements(shape, registration);
  const existing = await findTenant(client, shape, shape.schema);
  if (existing !== undefined) return acceptExisting(existing, domains, ifNotExists);
  try {
    await assertPublicAvailable(client, shape, domains);
    await inTransaction([
      { text: `SET LOCAL search_path TO ${searchPath([shape.schema, ...extraSearchPath])}` },
      { text: USERS_ROW_SECURITY },
      ...items,
    ]).catch(async (error: unknown) => {
      const refusal = isTenantsError(error) && error.cause !== undefined ? error.cause : error;
      const explained = await registrationFailure(client, shape, registration, refusal);
      throw explained === refusal ? error : explained;
    });
  } catch (error) {
    const exists = isTenantsError(error) && error.code === 'TENANT_EXISTS';
    const faster = exists ? await findTenant(client, shape, shape.schema) : undefined;
    if (faster === undefined) throw error;
    return acceptExisting(faster, domains, ifNotExists);
  }
  // It is registered, even if this last look fails: the answer to the COMMIT may have been lost with the connection.
  const told = { schema: shape.schema, name, type: null, status: STATUS.active, domains: [...domains] };
  const tenant = await findTenant(client, shape, shape.schema).catch(() => told);
  if (tenant === undefined) {
    throw new TenantsError('UNEXPECTED', 'The public tenant was deleted as soon as it was made.');
  }
  return { tenant, created: true };
}

/** True when a tenant has all of these domains; it may have others too. */
export function hasDomains(tenant: TenantWithDomains, domains: readonly Pick<TenantDomain, 'domain'>[]): boolean {
  return lacking(tenant, domains).length === 0;
}

function acceptExisting(
  tenant: TenantWithDomains,
  domains: readonly TenantDomain[],
  ifNotExists: boolean,
): { tenant: TenantWithDomains; created: false } {
  if (!ifNotExists) throw tenantExists(tenant.schema, tenant.status);
  const absent = lacking(tenant, domains);
  if (absent.length === 0) return { tenant, created: false };
  throw new TenantsError(
    'TENANT_EXISTS',
    `There is a tenant "${tenant.schema}" already, without ${absent.map((domain) => `"${domain}"`).join(', ')}.`,
    {
      tenant: tenant.schema,
      suggestions: absent.map((domain) => `To add it, run: ${tenantsCommand('create-domain', tenant.schema, domain)}`),
    },
  );
}

function lacking(tenant: TenantWithDomains, domains: readonly Pick<TenantDomain, 'domain'>[]): string[] {
  const held = new Set(tenant.domains.map(({ domain }) => domain));
  return domains.map(({ domain }) => domain).filter((domain) => !held.has(domain));
}
