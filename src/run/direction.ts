import type { Client } from 'pg';

import type { Direction, MigrationFile } from '../engine/types.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { TenantResult } from '../executors/types.js';
import type { Cohort, FilesByType } from '../fleet/cohorts.js';
import { assertFilesThere, filesGone, type WantedCohort } from '../fleet/compile-all.js';
import { upTo } from '../fleet/schema-state.js';
import { assertSharedReadable, assertSharedUsable, judgeShared, type SharedPlace } from '../fleet/shared-schema.js';
import type { SurveyedSchema } from '../fleet/survey.js';
import type { MigrateOptions, Target } from '../fleet/types.js';
import type { Project } from '../project/project.js';
import { inspectRegistry } from '../registry/check.js';
import { readTenants } from '../registry/list.js';
import { plural } from '../util/format-count.js';
import { resultsOfRefused } from './refused-cohorts.js';
import { cohortToUndo, toUndo, type UndoTarget } from './undo.js';

/** What a run does to schemas: `migrate` brings them forward, `rollback` takes them back. All else is the same for both. */
export type RunDirection = {
  command: 'migrate' | 'rollback';
  direction: Direction;
  /** How often tenants are handed out: those that were created or changed meanwhile have their turn in later rounds. */
  rounds: number;
  /** Where the shared schema stands and what it is to run. */
  judgeShared(place: SurveyedSchema, files: readonly MigrationFile[], target: Target): SharedPlace;
  /** Refuses a shared schema to which this cannot be done. Throws TenantsError. */
  assertShared(client: Client, shared: SharedPlace, files: readonly MigrationFile[]): Promise<void>;
  /** What a cohort is to run; `undefined` when it is left alone. */
  namesFor(cohort: Cohort, files: readonly string[]): string[] | undefined;
  /** Results of a cohort to which nothing can be done because of where it stands. */
  blocked(cohort: Cohort): TenantResult[];
  /** Refuses what cohorts would run, before it is compiled. Throws TenantsError. */
  assertWanted(wanted: readonly WantedCohort[], files: FilesByType): void;
};

/** The course of `migrate`. */
export function migrateUp({ checkOrder }: Project, options: MigrateOptions): RunDirection {
  const { target, missing = 'report' } = options;
  return {
    command: 'migrate',
    direction: 'up',
    rounds: 3,
    judgeShared: (place, files, own) => judgeShared(place, files, checkOrder, own),
    assertShared: async (_client, shared) => assertSharedUsable(shared),
    namesFor: ({ state }, files) => {
      if (state.kind === 'upToDate') return [];
      const runs = state.kind === 'pending' || (state.kind === 'missing' && missing === 'create');
      return runs ? upTo(files, state.pending, target) : undefined;
    },
    blocked: (cohort) => resultsOfRefused(cohort, missing),
    assertWanted: () => {},
  };
}

/**
 * The course of `rollback`. A schema that is ahead or out of order may go back: it is often the way out.
 *
 * Tenants have later rounds only on the way to a named migration: a number of migrations, counted again from where somebody
 * else has taken a tenant meanwhile, would undo more than was asked for.
 */
export function rollBack(
  project: Project,
  target: UndoTarget,
  options: { fake: boolean; confirmed: boolean },
): RunDirection {
  const { fake, confirmed } = options;
  return {
    command: 'rollback',
    direction: 'down',
    rounds: 'to' in target ? 3 : 1,
    judgeShared: (place, files) => ({
      ...judgeShared(place, files, project.checkOrder, undefined),
      names: toUndo(
        place.applied,
        files.map(({ name }) => name),
        target,
      ),
    }),
    assertShared: async (client, shared, files) => {
      assertSharedReadable(shared);
      const gone = shared.names.filter((name) => !files.some((file) => file.name === name));
      if (gone.length > 0 && !fake) throw filesGone(gone, gone);
      if (!confirmed && !fake) await assertRegistryStays(client, project, shared);
    },
    namesFor: (cohort, files) => cohortToUndo(cohort, files, target),
    blocked: (cohort) => {
      const { kind } = cohort.state;
      return kind === 'ahead' || kind === 'outOfOrder' ? [] : resultsOfRefused(cohort, 'report');
    },
    assertWanted: (wanted, files) => {
      if (!fake) assertFilesThere(wanted, files);
    },
  };
}

/** The first shared migration makes the registry: undoing it forgets all tenants and leaves their schemas behind. */
async function assertRegistryStays(client: Client, { registry, tenants }: Project, shared: SharedPlace): Promise<void> {
  const [first] = shared.place.applied;
  if (first === undefined || !shared.names.includes(first)) return;
  if ((await inspectRegistry(client, registry)) !== 'present') return;
  const registered = await readTenants(client, registry, { order: tenants.order });
  if (registered.length === 0) return;
  throw new TenantsError(
    'USAGE',
    `This would undo all shared migrations, the registry with them, while ${plural(registered.length, 'tenant is', 'tenants are')} registered.`,
    {
      suggestions: [
        'If that is meant, say --confirm all.',
        'To keep the registry, say --to with the migration that made it.',
      ],
    },
  );
}
