import type { Client } from 'pg';

import { findCommitOutcome } from '../db/backend/commit-outcome.js';
import { backendOf } from '../db/backend/identity.js';
import { withCancel } from '../db/backend/with-cancel.js';
import { BatchError, type BatchItem, sendBatch } from '../db/batch.js';
import { applicationName } from '../db/connect.js';
import { EMPTY_FOR_TRANSACTION } from '../db/empty-search-path.js';
import { quoteIdentifier } from '../db/identifiers.js';
import { describeHolder, lockHolders, tenantLock, tryLock } from '../db/locks.js';
import { destroySocket } from '../db/pg-internals.js';
import { deadlineAfter, pollLock } from '../db/poll-lock.js';
import { CANCEL_WAIT_MS, RESTART_WAIT_MS } from '../db/restart.js';
import { isConnectionError } from '../db/sqlstates.js';
import { lockGuard } from '../engine/apply/guards.js';
import { isRaised } from '../engine/apply/raise.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { limitAfterAbort } from '../util/after-abort.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { changeFailure } from './change-failure.js';

/** A change of one tenant (a rename involves two names) in one transaction. */
export type ChangeTransaction<T> = {
  /** Names whose locks are held until the end of the transaction, so that no migration runs on them. */
  locks: readonly string[];
  /** For `application_name`: `rename-tenant acme`. */
  purpose: string;
  tenant: string;
  /** The beginning of an error message: `The tenant "acme" was not renamed`. */
  undone: string;
  /** Runs in the transaction; an error rolls everything back. */
  work: () => Promise<T>;
  /**
   * Whether the change was made; called with another connection when the answer to COMMIT was lost, and when nobody is at work
   * on it any more. Must not wait for what other sessions hold.
   */
  isDone: (client: Client) => Promise<boolean>;
  /** Abort it to cancel the change; once the COMMIT has been sent this has no effect. */
  cancel?: AbortSignal | undefined;
};

/**
 * Runs a change in one transaction on `client`, which must not be in one. The change is made completely or not at all.
 *
 * `lockTimeout` applies to the tenants' locks, which are polled, and to every lock that the server waits for.
 *
 * @throws TenantsError TENANT_BUSY when a lock is not available; INTERRUPTED; DATABASE_UNREACHABLE when the connection
 *   broke and nothing was changed, OUTCOME_UNKNOWN when the server could not be asked for that; DATABASE_ERROR for what the
 *   server refuses; and what `work` throws.
 */
export async function changeTenant<T>(project: Project, client: Client, change: ChangeTransaction<T>): Promise<T> {
  const { cancel } = change;
  let result: T;
  try {
    result = await withCancel(project.database, client, cancel, async () => {
      await begin(project, client, change);
      return await change.work();
    });
    cancel?.throwIfAborted();
  } catch (error) {
    // If the connection is lost, the server rolls back by itself.
    await client.query('ROLLBACK').catch(() => undefined);
    if (cancel?.aborted === true) throw new TenantsError('INTERRUPTED', `${change.undone}: it was canceled.`);
    throw changeFailure(error, change);
  }
  await commit(project, client, change);
  return result;
}

/** Sends statements of a change in one round trip. Throws the server's own error. */
export async function send(client: Client, items: readonly BatchItem[]): Promise<void> {
  try {
    await sendBatch(client, items);
  } catch (error) {
    throw error instanceof BatchError ? error.cause : error;
  }
}

/** Runs part of a change as the role that owns the tenants, if one is configured. If `work` fails, the rollback resets it. */
export async function asOwner<T>(client: Client, role: string | undefined, work: () => Promise<T>): Promise<T> {
  if (role === undefined) return await work();
  await client.query(`SET LOCAL ROLE ${quoteIdentifier(role)}`);
  const result = await work();
  await client.query('RESET ROLE');
  return result;
}

/**
 * Acquires a tenant's lock for the session, for changes that need several transactions.
 *
 * @throws TenantsError TENANT_BUSY; INTERRUPTED when `cancel` is aborted.
 */
export async function lockTenant(
  project: Project,
  client: Client,
  schema: string,
  cancel: AbortSignal | undefined,
): Promise<void> {
  await acquire(project, client, [schema], () => tryLock(client, tenantLock(schema)), cancel);
}

async function begin(project: Project, client: Client, change: ChangeTransaction<unknown>): Promise<void> {
  const names = [...new Set(change.locks)].sort();
  await acquire(project, client, names, () => tryBegin(project, client, names, change.purpose), change.cancel);
}

async function tryBegin(project: Project, client: Client, names: string[], purpose: string): Promise<boolean> {
  const opening: BatchItem[] = [
    { text: 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE' },
    {
      text: `SELECT ${EMPTY_FOR_TRANSACTION}, pg_catalog.set_config('lock_timeout', $1, true),
                    pg_catalog.set_config('statement_timeout', $2, true), pg_catalog.set_config('application_name', $3, true),
                    pg_catalog.set_config('idle_in_transaction_session_timeout', '0', true)`,
      values: [`${project.lockTimeoutMs}ms`, `${project.statementTimeoutMs}ms`, applicationName(purpose)],
    },
  ];
  try {
    await sendBatch(client, [...opening, ...names.map((name) => lockGuard(name))]);
    return true;
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    const busy = error.index >= opening.length && isRaised(error.cause);
    if (!busy) throw error.cause;
    await client.query('ROLLBACK');
    return false;
  }
}

async function acquire(
  project: Project,
  client: Client,
  names: readonly string[],
  attempt: () => Promise<boolean>,
  cancel: AbortSignal | undefined,
): Promise<void> {
  const until = deadlineAfter(project.lockTimeoutMs);
  const acquired = await pollLock(async () => (await attempt()) || undefined, { until, signal: cancel });
  if (acquired === true) return;
  if (cancel?.aborted === true) throw new TenantsError('INTERRUPTED', 'Canceled while waiting for a lock.');
  throw await busy(client, names);
}

async function busy(client: Client, names: readonly string[]): Promise<TenantsError> {
  for (const name of names) {
    const [holder] = await lockHolders(client, tenantLock(name));
    if (holder === undefined) continue;
    return new TenantsError('TENANT_BUSY', `The tenant "${name}" is being changed by ${describeHolder(holder)}.`, {
      tenant: name,
      suggestions: ['Try again when that has finished, or wait longer with --lock-timeout.'],
    });
  }
  const [name = ''] = names;
  return new TenantsError('TENANT_BUSY', `The tenant "${name}" is being changed by another process.`, { tenant: name });
}

async function commit(project: Project, client: Client, change: ChangeTransaction<unknown>): Promise<void> {
  try {
    // It is not canceled any more, but not waited for forever either.
    const answered = limitAfterAbort(client.query('COMMIT'), change.cancel, CANCEL_WAIT_MS, () => {
      destroySocket(client);
      throw new Error('Connection terminated: the COMMIT was not answered');
    });
    const { command } = await answered;
    if (command !== 'COMMIT') throw new TenantsError('DATABASE_ERROR', `${change.undone}: it was rolled back.`);
  } catch (error) {
    // An error at COMMIT, such as a violated deferred constraint, has rolled everything back.
    if (!isConnectionError(error)) throw changeFailure(error, change);
    if (await isCommitted(project, client, change)) return;
    throw changeFailure(error, change);
  }
}

async function isCommitted(project: Project, client: Client, change: ChangeTransaction<unknown>): Promise<boolean> {
  const { isDone, purpose, cancel } = change;
  const outcome = await findCommitOutcome({
    database: project.database,
    purpose,
    lost: backendOf(client),
    ask: isDone,
    waitMs: project.restartWaitMs ?? RESTART_WAIT_MS,
    cancel,
  });
  if ('found' in outcome) return outcome.found;
  throw new TenantsError(
    'OUTCOME_UNKNOWN',
    `The connection was lost during the COMMIT, and it is not known whether the change of "${change.tenant}" was made.`,
    {
      tenant: change.tenant,
      suggestions: [`When the database is available, check with: ${tenantsCommand('list')}`],
      cause: outcome.unknown,
    },
  );
}
