export {
  assertAvailable,
  assertDomainsAvailable,
  assertPublicAvailable,
  type Claim,
  tenantExists,
} from './availability.js';
export { lockRowItem, markDeletingItem, removeDomainsItem, removeTenantItems, renameItem } from './change.js';
export { assertRegistry, inspectRegistry } from './check.js';
export { parseDomain } from './domain-name.js';
export { findDomain, makePrimaryItems, removeDomainItem, requireDomain } from './domains.js';
export { assertFinished, assertNotPublic, requireTenant } from './known-tenant.js';
export { findTenant, isPublicTenant, listTenants, listTenantsWithDomains } from './list.js';
export {
  NOTIFY_FUNCTION,
  REGISTRY_CHANNEL,
  REGISTRY_INDEXES,
  registryMigration,
  registryNotification,
} from './migration-template.js';
export { createPublicTenant, hasDomains, type PublicTenantOptions } from './public-tenant.js';
export { registrationFailure } from './registration-failure.js';
export {
  activateItems,
  domainItem,
  type NewTenant,
  registrationItems,
  removeRegistrationItems,
} from './registration.js';
export { selectTenants, type TenantSelection } from './select.js';
export type { RegistryShape, Tenant, TenantDomain, TenantStatus, TenantWithDomains } from './types.js';
