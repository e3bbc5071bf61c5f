export { defineConfig, type TenantsConfig } from './config/define-config.js';
export type { ErrorCode } from './errors/codes.js';
export { isTenantsError, TenantsError } from './errors/tenants-error.js';
export type { SerializedError } from './errors/serialize.js';
export type { ExecutionContext, Executor, Lane, NotExecutedReason, TenantResult } from './executors/types.js';
export type {
  CustomFormat,
  FormatFolder,
  FormatMigration,
  FormatScript,
  FormatStatement,
} from './engine/formats/custom-format.js';
export type { ApplySettings, Plan, TenantAssignment } from './engine/types.js';
export type {
  DeleteTenantOptions,
  RenameTenantOptions,
  ChangedTenant,
  ChangeOptions,
  DeletedDomain,
  DeletedTenant,
} from './lifecycle/changed-tenant.js';
export { cloneTenant, type CloneTenantOptions } from './lifecycle/clone-tenant.js';
export { createDomain, type CreateDomainOptions } from './lifecycle/create-domain.js';
export { createTenant } from './lifecycle/create-tenant.js';
export type { CreatedTenant, CreateTenantOptions, CreateTenantResult } from './lifecycle/create-types.js';
export { createTenants, createTenantsExitCode } from './lifecycle/many/create-tenants.js';
export type { CreateTenantsOptions, CreateTenantsReport, LineResult, WantedTenant } from './lifecycle/many/types.js';
export { pool } from './lifecycle/pool/pool.js';
export type { PoolOfType, PoolOptions, PoolReport } from './lifecycle/pool/types.js';
export { snapshot } from './lifecycle/snapshot/take.js';
export type { SnapshotOptions, SnapshotReport } from './lifecycle/snapshot/types.js';
export { doctor, isHealthy } from './doctor/doctor.js';
export type { Check, CheckName, DoctorOptions, DoctorReport } from './doctor/types.js';
export { exec } from './each-tenant/exec/exec.js';
export { shell, type ShellOptions } from './each-tenant/exec/shell.js';
export { embeddedUrl, keepEmbedded, type KeptServer, stopEmbedded, type StopOutcome } from './embedded/keep-running.js';
export type { ExecOptions, ExecReport, ExecResult } from './each-tenant/exec/types.js';
export { deleteDomain } from './lifecycle/delete-domain.js';
export { deleteTenant } from './lifecycle/delete-tenant.js';
export type {
  AfterCommitContext,
  AfterRunContext,
  BeforeRunContext,
  CreateHookContext,
  HookClient,
  Hooks,
  MigrateHook,
  MigrateHookContext,
  RenameHookContext,
  RunHookContext,
  RunHooks,
  TenantHook,
  TenantHookContext,
} from './project/hook-types.js';
export { checksums, type ChecksumsOptions, type ChecksumsReport } from './fleet/checksums/checksums.js';
export type { EditedFiles } from './fleet/checksums/look.js';
export type { ChangedFile, RenamedFile } from './journal/checksums/types.js';
export { listRuns, readRun, type RunReport, type RunsOptions, type RunsReport } from './journal/read/runs.js';
export type { LeftUndone, RunsNow } from './journal/read/last-run.js';
export type { Invocation, RecordedResult, RecordedRun, RecordedShared, RunCounts } from './journal/types.js';
export {
  listTenants as list,
  type ListedTenant,
  type ListOptions,
  type MigrationsState,
} from './fleet/list-tenants.js';
export type { TenantSelection } from './registry/select.js';
export { hasLintErrors, lintMigrations } from './lint/lint-migrations.js';
export type { LintLevel, LintLevels, LintRule } from './lint/rule-names.js';
export type { LintFinding, LintOptions, LintProject, LintReport, TableSize, UnreadFile } from './lint/types.js';
export { adoptHistory } from './run/adopt/adopt-history.js';
export type { AdoptedTenant, AdoptHistoryOptions, AdoptHistoryReport } from './run/adopt/types.js';
export { type DryRunOptions, dryRunMigrate, dryRunRollback } from './run/dry-run/dry-run.js';
export type {
  DryRunCohort,
  DryRunReport,
  DryRunResult,
  DryRunShared,
  NotTried,
  Sample,
  TriedStatement,
} from './run/dry-run/types.js';
export { migrate } from './run/migrate.js';
export { plan } from './run/plan.js';
export type { Project } from './project/project.js';
export type { Rollout } from './project/rollout.js';
export { query } from './each-tenant/query/query.js';
export { rowObjects } from './each-tenant/query/json-values.js';
export type { QueryOptions, QueryReport, QueryRows } from './each-tenant/query/types.js';
export { renameTenant } from './lifecycle/rename-tenant.js';
export { exitCodeOf } from './run/report.js';
export { rollback } from './run/rollback.js';
export type { WaveBorder } from './run/rollout/wave-border.js';
export type { RollbackOptions, RollbackReport } from './run/types.js';
export { status } from './fleet/status.js';
export { squash, type SquashOptions, type SquashReport } from './structure/squash.js';
export { formatFleetPage } from './fleet-page/format-fleet-page.js';
export { readFleetPage } from './fleet-page/read-fleet-page.js';
export type { FleetPage, PageCohort, PageFailure, PageResults, PageRun, PageType } from './fleet-page/types.js';
export { writeFleetPage, type WrittenPage } from './fleet-page/write-fleet-page.js';
export { drift, isWithoutDrift } from './structure/drift.js';
export type { Difference, DriftGroup, DriftOptions, DriftReport } from './structure/types.js';
export type {
  CohortSummary,
  FleetCounts,
  FleetEvent,
  Selection,
  SharedResult,
  StatusOptions,
  StatusReport,
  Target,
  TenantDetail,
} from './fleet/types.js';
export type { MigrateOptions, MigrateReport, PlanOptions, PlanReport } from './run/types.js';
export { openProject, type OpenProject } from './open-project.js';
export {
  multiprocessingExecutor,
  type WorkerExecutorOptions,
  workerThreadsExecutor,
} from './executors/parent/worker-executor.js';
