import type { Client } from 'pg';

import { partOfPhase, type PhasePart } from '../engine/phases.js';
import type { Direction, MigrationFile } from '../engine/types.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { TenantResult } from '../executors/types.js';
import type { Cohort, WantedCohort } from '../fleet/cohorts.js';
import { assertFilesThere, filesGone } from '../fleet/missing-files.js';
import type { SurveyedFleet } from '../fleet/read-fleet.js';
import type { SurveyedShared } from '../fleet/read-shared.js';
import { upTo } from '../fleet/schema-state.js';
import { assertSharedReadable, assertSharedUsable, compareShared, type SharedSchema } from '../fleet/shared-schema.js';
import type { Selection, Target } from '../fleet/types.js';
import type { Project } from '../project/project.js';
import { inspectRegistry } from '../registry/check.js';
import { readTenants } from '../registry/list.js';
import { plural } from '../util/format-count.js';
import { assertNotWholeFleet } from './assert-options.js';
import { resultsOfRefused } from './refused-cohorts.js';
import type { MigrateOptions } from './types.js';
import { cohortToUndo, toUndo, type UndoTarget } from './undo.js';

/** What is done to a cohort. One that has no names to run is where it should be. */
export type CohortDecision =
  | { kind: 'run'; names: string[]; phase?: PhasePart }
  /** It stands where nothing can be done to it. */
  | { kind: 'refused'; results: TenantResult[] }
  /** The caller does not want it to be touched or mentioned. */
  | { kind: 'skipped' };

/** What a run does to schemas: `migrate` brings them forward, `rollback` takes them back. All else is the same for both. */
export type RunDirection = {
  command: 'migrate' | 'rollback' | 'adopt-history';
  direction: Direction;
  /** How often tenants are handed out: those that are created or changed during a round have their turn in the next one. */
  rounds: number;
  /** Where the shared schema stands and what it is to run. */
  compareShared(shared: SurveyedShared, target: Target): SharedSchema;
  /** Refuses a shared schema to which this cannot be done. Throws TenantsError. */
  assertShared(client: Client, shared: SharedSchema): Promise<void>;
  /** Refuses a choice of tenants that was not confirmed. Throws TenantsError. */
  assertTenants(fleet: SurveyedFleet, selection: Selection): void;
  /** Parts of a cohort that are decided about separately. Default: it is one. */
  split?(cohort: Cohort): Cohort[];
  /** What is done to a cohort, given its type's files and their names. */
  decide(cohort: Cohort, names: readonly string[], files: readonly MigrationFile[]): CohortDecision;
  /** Refuses what cohorts would run, before it is compiled. Throws TenantsError. */
  assertWanted(wanted: readonly WantedCohort[]): void;
};

/** The direction of `migrate` and `plan`. */
export function migrateUp(
  { checkOrder }: Project,
  { target, missing = 'report', phase }: Pick<MigrateOptions, 'target' | 'missing' | 'phase'>,
): RunDirection {
  const run = (
    files: readonly MigrationFile[],
    names: readonly string[],
    pending: readonly string[],
  ): { kind: 'run'; names: string[]; phase: PhasePart } => {
    const part = partOfPhase(files, upTo(names, pending, target), phase);
    return { kind: 'run', names: part.names, phase: part };
  };
  return {
    command: 'migrate',
    direction: 'up',
    rounds: 3,
    compareShared: (shared, own) => compareShared(shared, checkOrder, own, phase),
    assertShared: async (_client, shared) => assertSharedUsable(shared),
    assertTenants: () => {},
    decide: (cohort, names, files) => {
      const { state } = cohort;
      switch (state.kind) {
        case 'upToDate':
          return { kind: 'run', names: [] };
        case 'pending':
          return run(files, names, state.pending);
        case 'missing':
          if (missing === 'create') return run(files, names, state.pending);
          return missing === 'skip' ? { kind: 'skipped' } : refused(cohort);
        case 'ahead':
        case 'outOfOrder':
        case 'unreadable':
        case 'unknownType':
          return refused(cohort);
        default:
          return state satisfies never;
      }
    },
    assertWanted: () => {},
  };
}

/**
 * The direction of `rollback`. A schema that is ahead or out of order may go back: it is often the way out.
 *
 * Tenants have later rounds only on the way to a named migration: a number of migrations, counted again from where another
 * process has taken a tenant in between, would undo more than was asked for.
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
    compareShared: (shared) => {
      const files = shared.files.map(({ name }) => name);
      return { ...compareShared(shared, project.checkOrder), toRun: toUndo(shared.surveyed.applied, files, target) };
    },
    assertShared: async (client, shared) => {
      assertSharedReadable(shared);
      const gone = shared.toRun.filter((name) => !shared.files.some((file) => file.name === name));
      if (gone.length > 0 && !fake) throw filesGone(gone, gone);
      if (!confirmed && !fake) await assertRegistryStays(client, project, shared);
    },
    assertTenants: (fleet, selection) => {
      if (!confirmed) assertNotWholeFleet(project, fleet, selection);
    },
    decide: (cohort, files) => {
      const names = cohortToUndo(cohort, files, target);
      return names === undefined ? refused(cohort) : { kind: 'run', names };
    },
    assertWanted: (wanted) => {
      if (!fake) assertFilesThere(wanted);
    },
  };
}

function refused(cohort: Cohort): CohortDecision {
  return { kind: 'refused', results: resultsOfRefused(cohort) };
}

/** The first shared migration makes the registry: undoing it forgets all tenants and leaves their schemas behind. */
async function assertRegistryStays(
  client: Client,
  { registry, tenants }: Project,
  { surveyed, toRun }: SharedSchema,
): Promise<void> {
  const [first] = surveyed.applied;
  if (first === undefined || !toRun.includes(first)) return;
  if ((await inspectRegistry(client, registry)) !== 'present') return;
  const registered = await readTenants(client, registry, { order: tenants.order });
  if (registered.length === 0) return;
  throw new TenantsError(
    'USAGE',
    `This would undo all shared migrations, the registry with them, while ${plural(registered.length, 'tenant is', 'tenants are')} registered.`,
    {
      suggestions: [
        'If that is intended, add --confirm all.',
        'To keep the registry, use --to with the migration that created it.',
      ],
    },
  );
}
