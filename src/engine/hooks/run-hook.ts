import type { Client } from 'pg';

import { codeOf, isConnectionError, isRetryable } from '../../db/sqlstates.js';
import { isServerError } from '../../errors/serialize.js';
import { TenantsError, type TenantsErrorOptions } from '../../errors/tenants-error.js';
import { changedOutside, referencedTables } from '../apply/fall-through.js';
import { loadSqlParser } from '../sql/parse/parser.js';
import type { ApplySettings } from '../types.js';
import { type HookSession, lendClient } from './lend-client.js';
import type { HookCall } from './migrate-hooks.js';

/** A hook that failed, and with it the tenant. */
export class HookError extends TenantsError {
  /** The cause is a transient error of the tenant's own transaction, such as a deadlock: trying again may help. */
  readonly mayPass: boolean;

  constructor(hook: string, message: string, options: TenantsErrorOptions = {}, mayPass = false) {
    super('HOOK_FAILED', message, { hook, ...options });
    this.mayPass = mayPass;
  }

  /** Whatever a hook, or the end of its work, threw. */
  static of(hook: string, cause: unknown, statement?: string, mayPass = false): HookError {
    const message = cause instanceof Error ? cause.message : String(cause);
    const code = isServerError(cause) ? codeOf(cause) : undefined;
    const options = {
      ...(code === undefined ? {} : { sqlstate: code }),
      ...(statement === undefined ? {} : { statement }),
      ...(cause instanceof TenantsError ? { suggestions: cause.suggestions } : {}),
      cause,
    };
    return new HookError(hook, `The hook ${hook} failed: ${message}`, options, mayPass);
  }
}

export type HookPlace = {
  tenant: string;
  /** What becomes of a hook that changes objects of other schemas. */
  fallThrough: ApplySettings['fallThrough'];
  cancel: AbortSignal | undefined;
};

/**
 * Runs a hook in the open transaction of a connection, which is still open afterwards.
 *
 * @returns warnings.
 * @throws HookError for what the hook throws, also when it caught an error that has aborted the transaction; the error
 *   itself when the connection broke; TenantsError INTERRUPTED when it was given up, however long it would have gone on.
 */
export async function runHook(client: Client, hook: HookCall, place: HookPlace): Promise<string[]> {
  const { tenant, fallThrough } = place;
  const watched = fallThrough !== 'off';
  await loadSqlParser();
  const referenced = watched ? await referencedTables(client, tenant) : [];
  const before = watched ? await changedOutside(client, tenant, referenced) : [];
  await callWithClient(client, hook, place.cancel);
  if (!watched) return [];
  const after = await changedOutside(client, tenant, referenced);
  const names = after.filter((name) => !before.includes(name));
  if (names.length === 0) return [];
  const error = changesOthers(hook.name, tenant, names);
  if (fallThrough === 'error') throw error;
  return [error.message];
}

/** Runs a hook where there is no transaction. Throws as `runHook`. */
export async function runHookAlone(hook: HookCall, cancel: AbortSignal | undefined): Promise<void> {
  try {
    await orGivenUp(call(hook, undefined), cancel);
  } catch (error) {
    if (isGivenUp(error)) throw error;
    throw HookError.of(hook.name, error);
  }
}

async function callWithClient(client: Client, hook: HookCall, cancel: AbortSignal | undefined): Promise<void> {
  const session = lendClient(client, hook.name);
  let failed: { error: unknown } | undefined;
  try {
    await orGivenUp(
      call(hook, session.client).then(() => session.settled()),
      cancel,
    );
  } catch (error) {
    failed = { error };
  }
  await session.end();
  if (isGivenUp(failed?.error)) throw failed?.error;
  // An error arrives before the server says in which state it has left the transaction; the next answer comes after that.
  if (session.failure !== undefined) await client.query('SELECT').catch(() => undefined);
  const problem = problemOf(client, hook.name, session, failed);
  if (problem !== undefined) throw problem;
}

/** What is wrong after a hook's end; the connection and the transaction count for more than what the hook says. */
function problemOf(
  client: Client,
  name: string,
  { failure }: HookSession,
  failed: { error: unknown } | undefined,
): Error | undefined {
  if (failure !== undefined && isConnectionError(failure.error)) return failure.error;
  const status = client.getTransactionStatus();
  const mayPass = status === 'E' && failure !== undefined && isRetryable(failure.error);
  if (failed !== undefined) {
    const statement = failed.error === failure?.error ? failure?.sql : undefined;
    return HookError.of(name, failed.error, statement, mayPass);
  }
  if (status === 'T') return undefined;
  if (failure === undefined) return new HookError(name, `The hook ${name} ended the transaction it ran in.`);
  return new HookError(
    name,
    `The hook ${name} continued after an error that had aborted the transaction: ${failure.error.message}`,
    {
      ...(isServerError(failure.error) ? { sqlstate: failure.error.code } : {}),
      statement: failure.sql,
      suggestions: ['For a part that can fail alone, use SAVEPOINT and ROLLBACK TO SAVEPOINT.'],
      cause: failure.error,
    },
    mayPass,
  );
}

async function call(hook: HookCall, client: Parameters<HookCall['call']>[0]): Promise<void> {
  await hook.call(client);
}

/** A hook that is given up goes on by itself; its client refuses everything from then on. */
async function orGivenUp(running: Promise<void>, cancel: AbortSignal | undefined): Promise<void> {
  const ended = new AbortController();
  const givenUp = new Promise<never>((_, reject) => {
    const give = (): void => reject(new TenantsError('INTERRUPTED', 'The run was canceled while a hook was running.'));
    if (cancel?.aborted === true) give();
    cancel?.addEventListener('abort', give, { once: true, signal: ended.signal });
  });
  running.catch(() => undefined);
  try {
    await Promise.race([givenUp, running]);
  } finally {
    ended.abort();
  }
}

function isGivenUp(error: unknown): boolean {
  return error instanceof TenantsError && error.code === 'INTERRUPTED';
}

function changesOthers(hook: string, tenant: string, names: readonly string[]): HookError {
  return new HookError(
    hook,
    `The hook ${hook} changes ${names.join(', ')} outside the schema "${tenant}": the tenant has no such object, and the search path leads to another schema.`,
    {
      tenant,
      suggestions: [
        'Find out why the tenant lacks the object. Rows of shared tables may be written, their definition may not be changed.',
        'fallThrough in the configuration lifts this check.',
      ],
    },
  );
}
