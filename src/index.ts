export { defineConfig, type TenantsConfig } from './config/index.js';
export { type ErrorCode, isTenantsError, type SerializedError, TenantsError } from './errors/index.js';
export type { ExecutionContext, Executor, Lane, NotExecutedReason, TenantResult } from './executors/types.js';
export type { ApplySettings, Plan, TenantWork } from './engine/types.js';
export { createTenant } from './fleet/create-tenant.js';
export type { CreatedTenant, CreateTenantOptions } from './fleet/create-types.js';
export { list } from './fleet/list.js';
export { migrate } from './fleet/migrate.js';
export { plan } from './fleet/plan.js';
export type { Project } from './fleet/project.js';
export { exitCodeOf } from './fleet/report.js';
export { status } from './fleet/status.js';
export type {
  CohortSummary,
  FleetCounts,
  FleetEvent,
  MigrateOptions,
  MigrateReport,
  PlanOptions,
  PlanReport,
  Selection,
  SharedResult,
  StatusOptions,
  StatusReport,
  Target,
} from './fleet/types.js';
export { openProject, type OpenProject } from './open-project.js';
