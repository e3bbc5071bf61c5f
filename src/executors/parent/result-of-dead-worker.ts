import { doneStatus, planNames } from '../../engine/plan.js';
import type { Plan, TenantResult } from '../../engine/types.js';
import type { ErrorCode } from '../../errors/codes.js';
import { type SerializedError, serializeError } from '../../errors/serialize.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { TenantOutcome } from './dead-worker-outcome.js';
import type { Held } from './worker.js';

/** Why a tenant's outcome had to be looked up; `how` follows "the worker", `error` is what it said itself. */
export type DeathCause = { how: string; error?: SerializedError };

/** `ended with exit code 1 (x is not a function)`. */
export function describeCause({ how, error }: DeathCause): string {
  return error === undefined ? how : `${how} (${error.message})`;
}

/**
 * The result of a tenant whose worker could not tell it. Pure.
 *
 * @param mayRetry whether a tenant that is where it was shall be handed out again: then there is no result yet.
 */
export function resultOfDeadWorker(
  { work, since }: Held,
  plan: Plan | undefined,
  found: TenantOutcome,
  cause: DeathCause,
  mayRetry: boolean,
): TenantResult | undefined {
  const { tenant } = work;
  if (found.kind === 'done' && plan !== undefined) {
    return {
      tenant,
      status: doneStatus(plan.direction),
      migrations: planNames(plan),
      durationMs: Math.round(performance.now() - since),
    };
  }
  if (found.kind === 'untouched' && mayRetry) return undefined;
  const failed = (code: ErrorCode, message: string, suggestions: string[] = []): TenantResult => ({
    tenant,
    status: 'failed',
    committed: found.kind === 'partly' ? found.committed : [],
    error: {
      ...serializeError(new TenantsError(code, message, { tenant, suggestions })),
      ...(cause.error === undefined ? {} : { cause: cause.error }),
    },
    ...(found.kind === 'unknown' ? { unknownOutcome: true } : {}),
  });
  const begin = `The worker that migrated "${tenant}" ${describeCause(cause)}`;
  if (found.kind === 'moved') {
    return failed('TENANT_MOVED', `The tenant "${tenant}" was changed by another process during the run.`);
  }
  if (found.kind === 'partly') {
    const after = found.committed.length === 0 ? '' : ` after ${found.committed.join(', ')}`;
    return failed('WORKER_DIED', `${begin}${after}; what runs outside a transaction may have run partly.`, [AGAIN]);
  }
  if (found.kind === 'unknown') {
    const why = found.error instanceof Error ? found.error.message : String(found.error);
    return failed('WORKER_DIED', `${begin}, and what became of the tenant could not be found out: ${why}`, [AGAIN]);
  }
  return failed('WORKER_DIED', `${begin}; the tenant is where it was.`, [
    'Look for what its migrations do besides SQL: they end, block or exhaust the process they run in.',
  ]);
}

const AGAIN = 'Run the command again: it reads the state of the tenant and continues from there.';
