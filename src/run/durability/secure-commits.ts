import { RESTART_WAIT_MS } from '../../db/restart.js';
import { planNames } from '../../engine/plan.js';
import type { Plan } from '../../engine/types.js';
import { serializeError } from '../../errors/serialize.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { SharedSchema } from '../../fleet/shared-schema.js';
import { surveySchema } from '../../fleet/survey.js';
import type { SharedResult } from '../../fleet/types.js';
import type { LockedSession } from '../../session/control-session.js';
import { plural } from '../../util/format-count.js';
import type { Run } from '../run.js';
import { type Doubtful, findLostCommits, lostResult, unknownResult, WHY_LOST } from './find-lost-commits.js';
import { committedBy, type GroupCommit } from './group-commit.js';

/**
 * Makes durable what was committed in a round, and looks again at what may be lost: at what could not be made durable, and at
 * every result of the run when the server may be another one than before. A failover to a standby that lags behind takes back what
 * the old server had made durable.
 *
 * @returns the tenants that were set back
 */
export async function secureCommits(
  { project, direction, record, cancel }: Run,
  session: LockedSession,
  commits: GroupCommit | undefined,
): Promise<string[]> {
  const open = new Set(((await commits?.end(cancel)) ?? []).map(({ tenant }) => tenant));
  const isSame = await session.isSameServer();
  const doubtful: Doubtful = {
    results: [...record.results.values()].filter(
      (result) => committedBy(result).length > 0 && (!isSame || open.has(result.tenant)),
    ),
    current: isSame ? new Map<string, string[]>() : record.current,
  };
  if (doubtful.results.length + doubtful.current.size === 0) return [];
  // Waits for a server that is being restarted, but for one that has just gone away it does not know yet.
  const isThere = !cancel.aborted && (await session.holdsLock());
  const waitMs = isThere ? (project.restartWaitMs ?? RESTART_WAIT_MS) : 0;
  const { lost, unknown } = await findLostCommits(project, doubtful, {
    direction: direction.direction,
    flush: commits !== undefined,
    waitMs,
    cancel,
  });
  for (const { tenant, kept } of lost) record.recordLost(lostResult(tenant, kept));
  for (const { tenant, why } of unknown) record.set(unknownResult(tenant, why));
  if (lost.length > 0) {
    record.warn(`The server took back what was done for ${plural(lost.length, 'tenant')}. ${WHY_LOST}`);
  }
  return lost.map(({ tenant }) => tenant);
}

/**
 * The result of the shared schema, looked at again when the server may be another one than before.
 *
 * @param plan what was applied to it in this run
 */
export async function secureShared(
  { project, direction: { direction } }: Run,
  session: LockedSession,
  { surveyed }: SharedSchema,
  plan: Plan | undefined,
  result: SharedResult,
): Promise<SharedResult> {
  if (!session.wasLost || (result.status !== 'applied' && result.status !== 'upToDate')) return result;
  const names = result.status === 'applied' && plan !== undefined ? planNames(plan) : [];
  try {
    const { applied } = await surveySchema(session.client, project, surveyed.schema);
    const kept = names.filter((name) => applied.includes(name) === (direction === 'up'));
    const before = surveyed.applied.filter((name) => !names.includes(name));
    if (kept.length === names.length && before.every((name) => applied.includes(name))) return result;
    const message = `The server took back what was done for the shared schema. ${WHY_LOST}`;
    return failed(new TenantsError('DATABASE_ERROR', message), kept);
  } catch (error) {
    const message = `The connection broke, and whether the shared schema is as it was could not be found out: ${(error as Error).message}`;
    return failed(new TenantsError('OUTCOME_UNKNOWN', message), []);
  }
}

function failed(error: TenantsError, migrations: string[]): SharedResult {
  const suggestions = ['Run the same command again: it finds what was done and finishes the rest.'];
  return { status: 'failed', migrations, error: { ...serializeError(error), suggestions } };
}
