import { TenantsError } from '../errors/tenants-error.js';
import type { DomainTable, RegistryShape } from './names.js';

/**
 * The domain table of a registry.
 *
 * @throws TenantsError USAGE where the configuration says that there is none.
 */
export function requireDomainTable({ domains }: Pick<RegistryShape, 'domains'>): DomainTable {
  if (domains !== null) return domains;
  throw new TenantsError('USAGE', 'Tenants have no domains here: the configuration says registry.domains: false.', {
    suggestions: ['Leave out the domain, or name the domain table in the configuration.'],
  });
}
