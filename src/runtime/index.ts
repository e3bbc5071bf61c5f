export { type ErrorCode, isTenantsError, TenantsError } from '../errors/index.js';
export type { RegistryNames } from './shape.js';
export { createTenancy } from './tenancy.js';
export type {
  AnyPool,
  CacheOptions,
  EachTenantOptions,
  MigrationNames,
  Migrations,
  ScopedPool,
  Tenancy,
  TenancyOptions,
  Tenant,
  TenantOf,
  TenantWork,
  WithTenantOptions,
} from './types.js';
