export type { ErrorCode } from '../errors/codes.js';
export { isTenantsError, TenantsError } from '../errors/tenants-error.js';
export type { RegistryNames } from './registry-shape.js';
export { createTenancy } from './tenancy.js';
export type {
  AnyPool,
  CacheOptions,
  EachTenantOptions,
  MigrationNames,
  Migrations,
  RowLevelOptions,
  ScopedPool,
  Tenancy,
  TenancyOptions,
  Tenant,
  TenantOf,
  TenantCallback,
  WithTenantOptions,
} from './types.js';
