import { isConnectionError } from '../../db/sqlstates.js';
import { isTenantsError } from '../../errors/tenants-error.js';
import type { LockedSession } from '../../session/control-session.js';
import type { Check, CheckName, DoctorOptions, Examination, Repair } from '../types.js';
import { repairCatalog } from './catalog.js';
import { repairIndexes } from './indexes.js';
import { repairTables } from './migrations-tables.js';
import { repairRegistry } from './registry.js';
import { finishCreations, finishDeletions } from './unfinished.js';
import { repairSharedTimes, repairTenantTimes } from './wrong-times.js';

/** What a repair has done, and what it could not do, with the reason; a sentence each. */
export type Repaired = { done: string[]; failures: string[] };

/** A repair looks for itself at what there is to do; each of its parts is tried whatever became of the others. */
type Plan = (exam: Examination, options: DoctorOptions) => Promise<Repair[]>;

/** In this order: tenants that are finished first need no repair of their parts. */
const PLANS: readonly (readonly [CheckName, Plan])[] = [
  ['registry-triggers', repairRegistry],
  ['unfinished-creations', finishCreations],
  ['unfinished-deletions', finishDeletions],
  ['migrations-tables', repairTables],
  ['shared-migrations', repairSharedTimes],
  ['tenant-migrations', repairTenantTimes],
  ['invalid-indexes', repairIndexes],
  ['catalog-statistics', repairCatalog],
];

/**
 * Repairs what is wrong and can be repaired without losing data. No schema is dropped but that of a tenant whose deletion was
 * begun, and no row removed but that tenant's.
 *
 * @returns what was tried, by check.
 */
export async function repair(
  exam: Examination,
  checks: readonly Check[],
  session: LockedSession,
  options: DoctorOptions,
): Promise<Map<CheckName, Repaired>> {
  const isWrong = new Set(checks.filter(({ ok, skipped }) => !ok && skipped !== true).map(({ name }) => name));
  const repaired = new Map<CheckName, Repaired>();
  for (const [name, plan] of PLANS) {
    if (!isWrong.has(name)) continue;
    const outcome: Repaired = { done: [], failures: [] };
    for (const { done, undone, run } of await plan(exam, options)) {
      if (options.drain?.aborted === true) {
        outcome.failures.push(`${undone}: interrupted before its turn`);
      } else if (!(await session.holdsLock())) {
        outcome.failures.push(`${undone}: the lock of the run was lost`);
      } else {
        await attempt({ done, undone, run }, outcome, session);
      }
    }
    if (outcome.done.length + outcome.failures.length > 0) repaired.set(name, outcome);
  }
  return repaired;
}

async function attempt({ done, undone, run }: Repair, outcome: Repaired, session: LockedSession): Promise<void> {
  try {
    await run();
    outcome.done.push(done);
  } catch (error) {
    // One connection that breaks is a failure of this repair; a server that is gone would refuse everything that follows.
    const broken = isConnectionError(error) || (isTenantsError(error) && error.code === 'DATABASE_UNREACHABLE');
    if (broken && !(await session.holdsLock())) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const advice = isTenantsError(error) ? error.suggestions.slice(0, 1).map((text) => ` (${text})`) : [];
    outcome.failures.push(`${undone}: ${reason}${advice.join('')}`);
  }
}
