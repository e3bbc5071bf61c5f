import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import { BatchError, type BatchItem, sendBatch } from '../db/batch.js';
import { applicationName, withClient } from '../db/connect.js';
import { EMPTY_FOR_TRANSACTION } from '../db/empty-search-path.js';
import { quoteIdentifier } from '../db/identifiers.js';
import { describeHolder, lockHolders, tenantLock, tryLock } from '../db/locks.js';
import { codeOf, isConnectionError, SQLSTATE } from '../db/sqlstates.js';
import { withCancel } from '../engine/apply/cancel.js';
import { lockGuard } from '../engine/apply/guards.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { changeFailure } from './change-failure.js';

/** Longest pause between two tries for a tenant's lock, in ms. */
const LONGEST_POLL_MS = 500;
/** How long the outcome of a COMMIT whose answer was lost is looked for, in ms. */
const LOOK_UP_MS = 30_000;

/** A change of one tenant, or of two names at once, in one transaction. */
export type ChangeTransaction<T> = {
  /** Whose locks are taken, so that no migration is at work on them; held to the end of the transaction. */
  locks: readonly string[];
  /** For `application_name`: `rename-tenant acme`. */
  purpose: string;
  tenant: string;
  /** How an error begins: `The tenant "acme" was not renamed`. */
  undone: string;
  /** Runs in the transaction. What it throws rolls everything back. */
  work: () => Promise<T>;
  /** Whether the change is there; asked on another connection when the answer to COMMIT was lost. */
  isDone: (client: Client) => Promise<boolean>;
  /** Aborted when the change is to be given up; from the COMMIT on it is too late for that. */
  cancel?: AbortSignal | undefined;
};

/**
 * Runs a change in one transaction on `client`, which must not be in one: either all of it is there afterwards or nothing.
 *
 * `lockTimeout` counts for the tenants' locks, which are tried and polled, and for every lock of the server.
 *
 * @throws TenantsError TENANT_BUSY when a lock is not to be had; INTERRUPTED; DATABASE_UNREACHABLE when the connection
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
    // On a connection that broke the server does this by itself.
    await client.query('ROLLBACK').catch(() => undefined);
    if (cancel?.aborted === true) throw new TenantsError('INTERRUPTED', `${change.undone}: it was cancelled.`);
    throw changeFailure(error, change);
  }
  await commit(project, client, change);
  return result;
}

/** Sends statements of a change in one round trip; a refusal is the server's own error. */
export async function send(client: Client, items: readonly BatchItem[]): Promise<void> {
  try {
    await sendBatch(client, items);
  } catch (error) {
    throw error instanceof BatchError ? error.cause : error;
  }
}

/** Runs a part of a change as the role that owns tenants, if the project has one. What throws rolls this back, too. */
export async function asOwner<T>(client: Client, role: string | undefined, work: () => Promise<T>): Promise<T> {
  if (role === undefined) return await work();
  await client.query(`SET LOCAL ROLE ${quoteIdentifier(role)}`);
  const result = await work();
  await client.query('RESET ROLE');
  return result;
}

/**
 * Takes a tenant's lock for a session, for what needs several transactions.
 *
 * @throws TenantsError TENANT_BUSY
 */
export async function lockTenant(project: Project, client: Client, schema: string): Promise<void> {
  await untilFree(project, client, [schema], () => tryLock(client, tenantLock(schema)));
}

async function begin(project: Project, client: Client, { locks, purpose }: ChangeTransaction<unknown>): Promise<void> {
  const names = [...new Set(locks)].sort();
  await untilFree(project, client, names, () => tryBegin(project, client, names, purpose));
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
    const busy = error.index >= opening.length && codeOf(error.cause) === SQLSTATE.invalidTextRepresentation;
    if (!busy) throw error.cause;
    await client.query('ROLLBACK');
    return false;
  }
}

async function untilFree(
  project: Project,
  client: Client,
  names: readonly string[],
  attempt: () => Promise<boolean>,
): Promise<void> {
  const until = project.lockTimeoutMs === 0 ? Infinity : Date.now() + project.lockTimeoutMs;
  for (let polls = 0; !(await attempt()); polls += 1) {
    if (Date.now() >= until) throw await busy(client, names);
    await sleep(Math.min(LONGEST_POLL_MS, 20 * 2 ** Math.min(polls, 5)));
  }
}

async function busy(client: Client, names: readonly string[]): Promise<TenantsError> {
  for (const name of names) {
    const [holder] = await lockHolders(client, tenantLock(name));
    if (holder === undefined) continue;
    return new TenantsError('TENANT_BUSY', `The tenant "${name}" is being changed by ${describeHolder(holder)}.`, {
      tenant: name,
      suggestions: ['Try again when that has ended, or wait longer with --lock-timeout.'],
    });
  }
  const [name = ''] = names;
  return new TenantsError('TENANT_BUSY', `The tenant "${name}" is being changed by another process.`, { tenant: name });
}

async function commit(project: Project, client: Client, change: ChangeTransaction<unknown>): Promise<void> {
  try {
    const { command } = await client.query('COMMIT');
    if (command !== 'COMMIT') throw new TenantsError('DATABASE_ERROR', `${change.undone}: it was rolled back.`);
  } catch (error) {
    // A refusal at COMMIT, of a deferred constraint for instance, has rolled everything back.
    if (!isConnectionError(error)) throw changeFailure(error, change);
    if (await lookUp(project, change)) return;
    throw changeFailure(error, change);
  }
}

/** What became of a transaction whose COMMIT was not answered. Its locks are had first: the old backend may still be at it. */
async function lookUp(project: Project, change: ChangeTransaction<unknown>): Promise<boolean> {
  const until = Date.now() + LOOK_UP_MS;
  for (;;) {
    try {
      return await withClient(project.database, change.purpose, async (client) => {
        for (const name of change.locks) await lockTenant(project, client, name);
        return await change.isDone(client);
      });
    } catch (error) {
      if (Date.now() < until) await sleep(LONGEST_POLL_MS);
      else {
        throw new TenantsError(
          'OUTCOME_UNKNOWN',
          `The connection broke at the end, and it is not known whether the change of "${change.tenant}" was made.`,
          { tenant: change.tenant, suggestions: ['When the database is back, look with: tenants list'], cause: error },
        );
      }
    }
  }
}
