import { doneStatus } from '../engine/plan.js';
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
  const refused: TenantResult[] = [];
  for (const one of decided) {
    switch (one.kind) {
      case 'run':
        planned.push(one);
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

/** How many tenants cohorts have. */
export function countMembers(cohorts: readonly PlannedCohort[]): number {
  return cohorts.reduce((sum, { cohort }) => sum + cohort.members.length, 0);
}
