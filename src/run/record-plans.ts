import { doneStatus, planNames } from '../engine/plan.js';
import type { Direction } from '../engine/types.js';
import type { TenantResult } from '../executors/types.js';
import type { DecidedCohort } from './compile-phase.js';
import type { PlannedCohort } from './dispatch.js';
import type { RunRecord } from './run-record.js';

/** Records the tenants that have nothing to do or cannot do it, announces the numbers, and returns the cohorts to run. */
export function recordPlans(
  record: RunRecord,
  direction: Direction,
  decided: readonly DecidedCohort[],
): PlannedCohort[] {
  const planned: PlannedCohort[] = [];
  const had = appliedByType(decided);
  const refused: TenantResult[] = [];
  record.phase.noteCohorts(decided);
  for (const one of decided) {
    switch (one.kind) {
      case 'run':
        planned.push({ ...one, proven: direction === 'up' && isProven(one, had) });
        break;
      case 'upToDate':
        for (const { schema } of one.cohort.members) {
          record.settleUpToDate(schema, doneStatus(direction), one.cohort.applied);
        }
        break;
      case 'refused':
        refused.push(...one.results);
        break;
      case 'skipped':
        break;
      default:
        one satisfies never;
    }
  }
  const pending = countMembers(planned);
  if (decided.length > 0) {
    record.emit({
      type: 'surveyed',
      total: record.total + pending + refused.length,
      upToDate: record.upToDate,
      pending,
      blocked: refused.length,
      cohorts: decided.length,
    });
  }
  for (const result of refused) record.settle(result);
  return planned;
}

/** The migrations that some tenant of each type has. */
function appliedByType(decided: readonly DecidedCohort[]): Map<string | null, Set<string>> {
  const types = new Map<string | null, Set<string>>();
  for (const { cohort } of decided) {
    const had = types.get(cohort.type) ?? new Set();
    for (const name of cohort.applied) had.add(name);
    types.set(cohort.type, had);
  }
  return types;
}

function isProven({ cohort, plan }: PlannedCohort, had: ReadonlyMap<string | null, ReadonlySet<string>>): boolean {
  return planNames(plan).every((name) => had.get(cohort.type)?.has(name) === true);
}

/** How many tenants cohorts have. */
export function countMembers(cohorts: readonly PlannedCohort[]): number {
  return cohorts.reduce((sum, { cohort }) => sum + cohort.members.length, 0);
}
