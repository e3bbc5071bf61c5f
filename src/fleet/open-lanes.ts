import type { EngineLane } from '../engine/apply/lane.js';
import type { ApplySettings, MigrationFile, Plan } from '../engine/types.js';
import type { Project } from '../project/project.js';

export type LaneOptions = {
  project: Project;
  plans: ReadonlyMap<string, Plan>;
  filesOf: (plan: Plan) => readonly MigrationFile[];
  settings: ApplySettings;
  cancel: AbortSignal;
};

/** Makes lanes. A lane opens its connection with its first tenant; most runs need none, and load none. */
export function createLaneOpener(options: LaneOptions): () => Promise<EngineLane> {
  const { project, plans, filesOf, settings, cancel } = options;
  return async () => {
    const { EngineLane } = await import('../engine/apply/lane.js');
    return new EngineLane({
      database: project.database,
      plans,
      settings,
      filesOf,
      hooks: project.hooks,
      cancel,
      recycleAfter: project.recycle.tenants,
    });
  };
}
