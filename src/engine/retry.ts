import { codeOf, isRetryable, SQLSTATE } from '../db/index.js';
import { isTenantsError } from '../errors/index.js';
import { HookError } from './run-hook.js';
import type { TransactionOutcome } from './run-transaction.js';
import type { TenantResult } from './types.js';

/** Whether a tenant may be tried again after this error. Connections that others have now may be free in a moment. */
export function mayPass(error: Error): boolean {
  if (error instanceof HookError) return error.mayPass;
  return isRetryable(error) || reasonOf(error) === SQLSTATE.tooManyConnections;
}

/** The SQLSTATE of an error, or what stands in for it in the list of attempts. */
export function reasonOf(error: Error): string {
  return (isTenantsError(error) ? error.details.sqlstate : undefined) ?? codeOf(error) ?? 'connection';
}

/** Ended by a cancellation with nothing changed, rather than by an error of its own at the same time. */
export function wasStopped(outcome: TransactionOutcome): boolean {
  if (outcome.kind === 'busy') return true;
  return outcome.kind === 'failed' && ['INTERRUPTED', SQLSTATE.queryCanceled].includes(codeOf(outcome.error) ?? '');
}

/** The result with the errors after which the tenant was tried again. */
export function withAttempts(result: TenantResult, attempts: ReadonlyMap<string, number>): TenantResult {
  if (attempts.size === 0) return result;
  return { ...result, attempts: [...attempts].map(([sqlstate, count]) => ({ sqlstate, count })) };
}
