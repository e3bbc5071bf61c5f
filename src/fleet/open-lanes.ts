import type { EngineLane } from '../engine/apply/lane.js';
import type { ApplySettings, MigrationFile, Plan } from '../engine/types.js';
import type { Project } from '../project/project.js';
import type { FilesByType } from './cohorts.js';
import { applySettings } from './migration-sources.js';

/** Makes lanes for a run. A lane opens its connection with its first tenant; most runs need none, and load none. */
export function createLaneOpener(
  project: Project,
  plans: ReadonlyMap<string, Plan>,
  files: { shared: readonly MigrationFile[]; tenants: () => FilesByType },
  cancel: AbortSignal,
  settings: () => ApplySettings = () => applySettings(project),
): () => Promise<EngineLane> {
  const filesOf = (plan: Plan): readonly MigrationFile[] =>
    plan.scope.kind === 'shared' ? files.shared : (files.tenants().get(plan.scope.type) ?? []);
  return async () => {
    const { EngineLane } = await import('../engine/apply/lane.js');
    return new EngineLane({
      database: project.database,
      plans,
      settings: settings(),
      filesOf,
      hooks: project.hooks,
      cancel,
      recycleAfter: project.recycle.tenants,
    });
  };
}
