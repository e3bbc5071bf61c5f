export { defineConfig, type TenantsConfig } from './config/index.js';
export { type ErrorCode, isTenantsError, type SerializedError, TenantsError } from './errors/index.js';
export type { ExecutionContext, Executor, Lane, NotExecutedReason, TenantResult } from './executors/types.js';
export type { ApplySettings, Plan, TenantWork } from './engine/types.js';
export type { ChangedTenant, ChangeOptions, DeletedDomain, DeletedTenant } from './fleet/change-types.js';
export { cloneTenant, type CloneTenantOptions } from './fleet/clone-tenant.js';
export { createDomain, type CreateDomainOptions } from './fleet/create-domain.js';
export { createTenant } from './fleet/create-tenant.js';
export type { CreatedTenant, CreateTenantOptions, CreateTenantResult } from './fleet/create-types.js';
export { doctor, isHealthy } from './fleet/doctor.js';
export type { Check, CheckName, DoctorOptions, DoctorReport } from './fleet/doctor/types.js';
export { exec } from './fleet/exec.js';
export type { ExecOptions, ExecReport, ExecResult } from './fleet/exec/types.js';
export { deleteDomain } from './fleet/delete-domain.js';
export { deleteTenant, type DeleteTenantOptions } from './fleet/delete-tenant.js';
export type {
  CreateHookContext,
  HookClient,
  Hooks,
  MigrateHook,
  MigrateHookContext,
  RenameHookContext,
  TenantHook,
  TenantHookContext,
} from './fleet/hook-types.js';
export { list } from './fleet/list.js';
export { migrate } from './fleet/migrate.js';
export { plan } from './fleet/plan.js';
export type { Project } from './fleet/project.js';
export { query } from './fleet/query.js';
export { rowObjects } from './fleet/query/json-values.js';
export type { QueryOptions, QueryReport, QueryRows } from './fleet/query/types.js';
export { renameTenant, type RenameTenantOptions } from './fleet/rename-tenant.js';
export { exitCodeOf } from './fleet/report.js';
export { rollback } from './fleet/rollback.js';
export type { RollbackOptions, RollbackReport } from './fleet/rollback-types.js';
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
  TenantDetail,
} from './fleet/types.js';
export { openProject, type OpenProject } from './open-project.js';
export {
  multiprocessingExecutor,
  type WorkerExecutorOptions,
  workerThreadsExecutor,
} from './executors/worker-executor.js';
