import { codeOf, isRetryable, SQLSTATE } from '../../db/sqlstates.js';
import { isTenantsError } from '../../errors/tenants-error.js';
import { HookError } from '../hooks/run-hook.js';
import type { ApplySettings, TenantResult } from '../types.js';
import type { TransactionOutcome } from './run-transaction.js';

/** Pause between two tries to connect to a server that is away, in ms. */
const AWAY_PAUSE_MS = 300;

/** How often, and for how long, one transaction of one tenant is tried. */
export class Retries {
  readonly #allowed: number;
  readonly #restartWaitMs: number;
  #tries = 0;
  #awaySince: number | undefined;

  /** @param settings.retries with 0 there are none, not even while the server is away. */
  constructor({ retries, restartWaitMs }: Pick<ApplySettings, 'retries' | 'restartWaitMs'>) {
    this.#allowed = retries;
    this.#restartWaitMs = restartWaitMs;
  }

  /** The pause before the next try, in ms; `undefined` when there is none. Times that no server was there do not count. */
  pauseAfter(error: Error): number | undefined {
    const jitter = 0.5 + Math.random();
    if (this.#allowed > 0 && isTenantsError(error) && error.code === 'DATABASE_UNREACHABLE') {
      this.#awaySince ??= Date.now();
      return Date.now() - this.#awaySince < this.#restartWaitMs ? AWAY_PAUSE_MS * jitter : undefined;
    }
    this.#awaySince = undefined;
    if (!mayPass(error) || this.#tries >= this.#allowed) return undefined;
    this.#tries += 1;
    return Math.min(5000, 100 * 2 ** this.#tries) * jitter;
  }
}

/** Whether a tenant may be tried again after this error. Connections that others have now may be free in a moment. */
function mayPass(error: Error): boolean {
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
