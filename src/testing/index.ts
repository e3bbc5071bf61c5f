export { createTestTenant, type TestTenant, type TestTenantOptions, withTestTenant } from './test-tenant.js';
