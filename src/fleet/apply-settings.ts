import { RESTART_WAIT_MS } from '../db/restart.js';
import type { ApplySettings } from '../engine/types.js';
import type { Project } from '../project/project.js';

/** What holds for every schema of a run. */
export function applySettings(project: Project): ApplySettings {
  return {
    sharedSchema: project.shared.schema,
    extraSearchPath: project.tenants.extraSearchPath,
    migrationsTable: project.migrationsTable,
    role: project.role,
    lockTimeoutMs: project.lockTimeoutMs,
    statementTimeoutMs: project.statementTimeoutMs,
    retries: project.retries,
    restartWaitMs: project.restartWaitMs ?? RESTART_WAIT_MS,
    fallThrough: project.fallThrough,
    distribute: project.tenants.distribute === true,
    registry: {
      schema: project.registry.schema,
      table: project.registry.tenants.table,
      column: project.registry.tenants.columns.schemaName,
    },
  };
}
