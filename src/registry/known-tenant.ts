import type { Client } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import { orderBy } from '../util/tenant-order.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { findTenant, isPublicTenant, readTenants } from './list.js';
import { type RegistryShape, STATUS } from './names.js';
import type { TenantWithDomains } from './types.js';

/**
 * The tenant of that name with its domains; the public one as well.
 *
 * @throws TenantsError UNKNOWN_TENANT with the nearest names; REGISTRY_MISSING, REGISTRY_MISMATCH.
 */
export async function requireTenant(client: Client, shape: RegistryShape, schema: string): Promise<TenantWithDomains> {
  const found = await findTenant(client, shape, schema);
  if (found !== undefined) return found;
  const known = (await readTenants(client, shape, { order: orderBy(shape.tenants.columns.schemaName) })).map(
    (tenant) => tenant.schema,
  );
  const message = [`There is no tenant "${schema}".`, ...didYouMean(nearestNames(schema, known))].join(' ');
  throw new TenantsError('UNKNOWN_TENANT', message, {
    tenant: schema,
    suggestions: [
      known.length === 0 ? 'There are no tenants yet.' : `To see all tenants, run: ${tenantsCommand('list')}`,
    ],
  });
}

/**
 * Refuses the public tenant, which has no schema of its own.
 *
 * @param verb what it cannot be: `deleted`, `renamed`, `cloned`.
 * @throws TenantsError USAGE.
 */
export function assertNotPublic(shape: RegistryShape, schema: string, verb: string): void {
  if (!isPublicTenant(shape, { schema })) return;
  throw new TenantsError(
    'USAGE',
    `The public tenant "${schema}" cannot be ${verb}: its schema is the shared one, which all tenants use.`,
    { tenant: schema, suggestions: [`Its hostnames can be changed: ${tenantsCommand('delete-domain', 'DOMAIN')}`] },
  );
}

/**
 * Refuses a tenant that another command has not finished with.
 *
 * @throws TenantsError USAGE with the way to finish it.
 */
export function assertFinished({ schema, status }: Pick<TenantWithDomains, 'schema' | 'status'>): void {
  if (status === STATUS.deleting) {
    throw new TenantsError('USAGE', `The tenant "${schema}" is being deleted.`, {
      tenant: schema,
      suggestions: [`To finish its deletion, run: ${tenantsCommand('delete-tenant', schema)}`],
    });
  }
  if (status !== STATUS.provisioning) return;
  throw new TenantsError('USAGE', `The creation of the tenant "${schema}" is not finished.`, {
    tenant: schema,
    suggestions: [`Run the same create-tenant again, or: ${tenantsCommand('doctor', '--fix')}`],
  });
}
