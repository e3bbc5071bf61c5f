import { codeOf, SQLSTATE } from '../../db/sqlstates.js';
import { serializeError } from '../../errors/serialize.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { doneStatus } from '../plan.js';
import type { ApplySettings, Plan, TenantResult } from '../types.js';
import { describeFailure } from './failure.js';
import type { TransactionOutcome } from './run-transaction.js';

export function canceledError(): TenantsError {
  return new TenantsError('INTERRUPTED', 'The run was canceled before this tenant was started.');
}

/**
 * The result of a tenant whose lane had not ended when a canceled run had to. Pure.
 *
 * @param settled so many segments of the plan are known to be committed
 * @param inDoubt what was sent to the server last may have been committed
 */
export function unfinishedResult(tenant: string, plan: Plan, settled: number, inDoubt: boolean): TenantResult {
  const committed = plan.segments.slice(0, settled).flatMap(({ migrations }) => migrations.map(({ name }) => name));
  // Only the connection was still to be put in order.
  if (settled === plan.segments.length) {
    return { tenant, status: doneStatus(plan.direction), migrations: committed, durationMs: 0 };
  }
  if (committed.length === 0 && !inDoubt) return { tenant, status: 'notExecuted', reason: 'interrupted' };
  const silence = new Error('it did not answer when the run was canceled');
  const error = inDoubt
    ? describeFailure(silence, tenant, {}, { isUnknown: true })
    : serializeError(new TenantsError('INTERRUPTED', 'The run was canceled before this tenant was finished.'));
  return { tenant, status: 'failed', committed, error, ...(inDoubt ? { unknownOutcome: true } : {}) };
}

/** The schema, its registration or its applied list is not what the survey found. */
export function movedError(tenant: string, { role }: ApplySettings): TenantsError {
  return new TenantsError('TENANT_MOVED', `The tenant "${tenant}" was changed by another process during the run.`, {
    tenant,
    suggestions:
      role === undefined
        ? []
        : [`If no other process changed it: the role "${role}" needs USAGE on the tenant's schema.`],
  });
}

/** Code of an earlier tenant has removed the prepared statements of this session. A new session prepares them again. */
export function lacksPrepared(outcome: TransactionOutcome): boolean {
  if (outcome.kind !== 'failed' || codeOf(outcome.error) !== SQLSTATE.invalidStatementName) return false;
  return outcome.place.step === 'lock' || outcome.begun === false;
}
