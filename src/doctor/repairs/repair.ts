import { withCancel } from '../../db/backend/with-cancel.js';
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

/** What a repair did, and what it could not do with the reason; a sentence each. */
export type Repaired = { done: string[]; failures: string[] };

/** Returns the individual repairs for a check. Each is tried, even if others fail. */
type Plan = (exam: Examination, options: DoctorOptions) => Promise<Repair[]>;

/** In this order, because finishing a tenant may make later repairs unnecessary. */
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
 * Repairs what can be repaired without losing data. The only schemas that are dropped and the only rows that are removed are
 * those of tenants whose deletion had begun.
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
        outcome.failures.push(`${undone}: interrupted before it started`);
      } else if (!(await session.holdsLock())) {
        outcome.failures.push(`${undone}: the lock of the run was lost`);
      } else {
        const canceled = () => withCancel(exam.project.database, exam.client, options.cancel, run);
        await attempt({ done, undone, run: canceled }, outcome, session);
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
    // A single lost connection fails only this repair; if the server is gone, all others would fail too.
    const broken = isConnectionError(error) || (isTenantsError(error) && error.code === 'DATABASE_UNREACHABLE');
    if (broken && !(await session.holdsLock())) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const advice = isTenantsError(error) ? error.suggestions.slice(0, 1).map((text) => ` (${text})`) : [];
    outcome.failures.push(`${undone}: ${reason}${advice.join('')}`);
  }
}
