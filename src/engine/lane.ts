import { setTimeout as sleep } from 'node:timers/promises';

import type { Client, ClientConfig } from 'pg';

import {
  type BatchItem,
  closeClient,
  codeOf,
  describeHolder,
  isRetryable,
  lockHolders,
  openClient,
  sendBatch,
  tenantLock,
} from '../db/index.js';
import { serializeError, TenantsError } from '../errors/index.js';
import { appliedBefore, leavesTraces, planNames } from './plan.js';
import { describeFailure } from './failure.js';
import { lookUpSegment } from './look-up.js';
import { runOutsideTransaction } from './run-outside.js';
import { type FailurePlace, runTransaction, type TransactionOutcome } from './run-transaction.js';
import type { SegmentFrame } from './steps.js';
import type { TenantResult, ApplySettings, MigrationFile, Plan, TenantWork } from './types.js';

/** Longest pause between two tries for a tenant's lock, in ms. */
const LONGEST_POLL_MS = 500;

export type LaneOptions = {
  database: ClientConfig;
  plans: ReadonlyMap<string, Plan>;
  settings: ApplySettings;
  /** The files of each migrations directory; needed where a plan has direct migrations. */
  filesOf(plan: Plan): readonly MigrationFile[];
  /** Aborted when running statements are to be cancelled and rolled back. */
  cancel?: AbortSignal;
  /** Tenants after which the connection is replaced: a backend's catalog caches only grow. */
  recycleAfter: number;
};

/** Statements of the registration of a new tenant, in the same transaction as its migrations. */
export type Registration = { prelude: readonly BatchItem[]; postlude?: readonly BatchItem[] };

/** What stands behind a failed result; `segment` is the one that failed, and those before it were committed. */
export type LaneFailure = { segment: number; error?: Error; place: FailurePlace };

/** One connection that migrates one tenant at a time. */
export class EngineLane {
  readonly #options: LaneOptions;
  #client: Client | undefined;
  #served = 0;
  #lastFailure: LaneFailure | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /**
   * Applies a plan to one tenant. The tenant ends where it was or where it should be; with segments of its own making,
   * at the end of one of them. Never throws for what happens to one tenant.
   */
  async apply(work: TenantWork, registration?: Registration): Promise<TenantResult> {
    const { plans } = this.#options;
    const plan = plans.get(work.planId);
    if (plan === undefined) throw new TenantsError('UNEXPECTED', `There is no plan ${work.planId}.`);
    const started = performance.now();
    const committed: string[] = [];
    const attempts = new Map<string, number>();
    const warnings: string[] = [];
    for (const index of plan.segments.keys()) {
      const outcome = await this.#runSegment(work, plan, index, attempts, registration);
      if (outcome.kind !== 'committed') {
        this.#lastFailure = { place: {}, ...outcome, segment: index };
        return withAttempts(await this.#failed(work, outcome, committed), attempts);
      }
      warnings.push(...outcome.warnings);
      committed.push(...(plan.segments[index]?.migrations ?? []).map(({ name }) => name));
    }
    this.#served += 1;
    const result: TenantResult = {
      tenant: work.tenant,
      status: plan.direction === 'up' ? 'applied' : 'rolledBack',
      migrations: planNames(plan),
      durationMs: Math.round(performance.now() - started),
      ...(warnings.length === 0 ? {} : { warnings }),
    };
    return withAttempts(result, attempts);
  }

  /** The error behind the latest failed result, as it was thrown; in the result it is plain JSON. */
  get lastFailure(): LaneFailure | undefined {
    return this.#lastFailure;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await closeClient(client);
  }

  async #runSegment(
    work: TenantWork,
    plan: Plan,
    index: number,
    attempts: Map<string, number>,
    registration: Registration | undefined,
  ): Promise<TransactionOutcome> {
    const segment = plan.segments[index];
    if (segment === undefined) throw new TenantsError('UNEXPECTED', `Plan ${plan.id} has no segment ${index}.`);
    const { settings } = this.#options;
    const last = index === plan.segments.length - 1;
    const frame: SegmentFrame = {
      work: index === 0 ? work : { ...work, schemaOid: await this.#schemaOid(work) },
      plan,
      segment,
      applied: appliedBefore(plan, index),
      tableExists: plan.tableExists || index > 0,
      settings,
      ...(registration !== undefined && index === 0 ? { prelude: registration.prelude } : {}),
      ...(registration?.postlude !== undefined && last ? { postlude: registration.postlude } : {}),
    };
    const busyUntil = settings.lockTimeoutMs === 0 ? Infinity : Date.now() + settings.lockTimeoutMs;
    for (let tries = 0, polls = 0; ;) {
      const outcome = await this.#try(frame, plan);
      if (outcome.kind === 'busy' && Date.now() < busyUntil && !this.#cancelled()) {
        polls += 1;
        await this.#pause(Math.min(LONGEST_POLL_MS, 20 * 2 ** Math.min(polls, 5)));
        continue;
      }
      const error = outcome.kind === 'failed' || outcome.kind === 'lost' ? outcome.error : undefined;
      if (error === undefined || !isRetryable(error) || this.#cancelled()) return outcome;
      if (outcome.kind === 'lost') {
        const found = await this.#lookUp(frame, busyUntil);
        if (found === 'committed') return { kind: 'committed', warnings: [] };
        if (found === 'moved') return { kind: 'moved' };
        if (found === 'unknown') return outcome;
      }
      if (tries >= settings.retries) return outcome;
      // Outside a transaction the first part may have been carried out; only what is found again is tried again.
      if (!segment.transaction && !isRepeatable(frame)) return outcome;
      tries += 1;
      const reason = codeOf(error) ?? 'connection';
      attempts.set(reason, (attempts.get(reason) ?? 0) + 1);
      await this.#pause(Math.min(5000, 100 * 2 ** tries) * (0.5 + Math.random()));
    }
  }

  async #try(frame: SegmentFrame, plan: Plan): Promise<TransactionOutcome> {
    let client: Client;
    try {
      client = await this.#connection();
    } catch (error) {
      return { kind: 'failed', error: error as Error, place: {} };
    }
    const files = this.#options.filesOf(plan);
    const run = frame.segment.transaction ? runTransaction : runOutsideTransaction;
    const outcome = await this.#cancellable(client, () => run(client, frame, files));
    const clean = outcome.kind === 'committed' || outcome.kind === 'busy' || outcome.kind === 'moved';
    if (outcome.kind === 'lost' || (!clean && !frame.segment.transaction)) await this.close();
    else if (leavesTraces(plan) || !frame.segment.transaction) await this.#reset(client);
    return outcome;
  }

  /** Opens a connection where there is none, or the old one has served long enough. */
  async #connection(): Promise<Client> {
    if (this.#client !== undefined && this.#served >= this.#options.recycleAfter) await this.close();
    if (this.#client === undefined) {
      this.#served = 0;
      const client = await openClient(this.#options.database, 'lane');
      await prepareSession(client);
      this.#client = client;
    }
    return this.#client;
  }

  async #reset(client: Client): Promise<void> {
    try {
      await client.query('DISCARD ALL');
      await prepareSession(client);
    } catch {
      await this.close();
    }
  }

  async #cancellable<T>(client: Client, run: () => Promise<T>): Promise<T> {
    const { cancel, database } = this.#options;
    const onCancel = (): void => void cancelBackend(database, client);
    if (cancel?.aborted === true) onCancel();
    cancel?.addEventListener('abort', onCancel, { once: true });
    try {
      return await run();
    } finally {
      cancel?.removeEventListener('abort', onCancel);
    }
  }

  async #lookUp(frame: SegmentFrame, until: number): Promise<'committed' | 'notCommitted' | 'moved' | 'unknown'> {
    const deadline = Math.max(until, Date.now() + 30_000);
    while (Date.now() < deadline && !this.#cancelled()) {
      try {
        const answer = await lookUpSegment(await this.#connection(), frame);
        if (answer !== 'busy') return answer;
      } catch {
        await this.close();
      }
      await this.#pause(LONGEST_POLL_MS);
    }
    return 'unknown';
  }

  /** A later segment finds the schema that the first one made. */
  async #schemaOid(work: TenantWork): Promise<number | null> {
    if (work.schemaOid !== null) return work.schemaOid;
    const client = await this.#connection();
    const { rows } = await client.query<{ oid: number }>('SELECT oid FROM pg_namespace WHERE nspname = $1', [
      work.tenant,
    ]);
    return rows[0]?.oid ?? 0;
  }

  async #failed(
    work: TenantWork,
    outcome: Exclude<TransactionOutcome, { kind: 'committed' }>,
    committed: string[],
  ): Promise<TenantResult> {
    const base = { tenant: work.tenant, status: 'failed', committed } as const;
    if (outcome.kind === 'moved') {
      return {
        ...base,
        error: serializeError(
          new TenantsError('TENANT_MOVED', `"${work.tenant}" was changed by somebody else meanwhile.`, {
            tenant: work.tenant,
          }),
        ),
      };
    }
    if (outcome.kind === 'busy') {
      return {
        ...base,
        error: serializeError(
          new TenantsError('TENANT_BUSY', await this.#whoIsBusy(work.tenant), { tenant: work.tenant }),
        ),
      };
    }
    if (this.#cancelled() && committed.length === 0)
      return { tenant: work.tenant, status: 'notExecuted', reason: 'interrupted' };
    const migration = outcome.place.migration?.name;
    return {
      ...base,
      ...(migration === undefined ? {} : { migration }),
      error: describeFailure(outcome.error, work.tenant, outcome.place),
      ...(outcome.kind === 'lost' ? { unknownOutcome: true } : {}),
    };
  }

  async #whoIsBusy(tenant: string): Promise<string> {
    const holders = await this.#connection()
      .then((client) => lockHolders(client, tenantLock(tenant)))
      .catch(() => []);
    const who = holders[0] === undefined ? 'another process' : describeHolder(holders[0]);
    return `The tenant "${tenant}" is being changed by ${who}; its lock was not to be had within the lock timeout.`;
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#options.cancel }).catch(() => {});
  }

  #cancelled(): boolean {
    return this.#options.cancel?.aborted === true;
  }
}

/**
 * What a lane's session starts with. The search path finds nothing of the user's: whatever would run outside our
 * transactions fails instead of landing in the shared schema.
 */
async function prepareSession(client: Client): Promise<void> {
  await sendBatch(client, [
    {
      text: `SELECT set_config('search_path', '', false), set_config('idle_in_transaction_session_timeout', '0', false)`,
    },
    {
      // Since PostgreSQL 14: a backend whose client was killed notices it, ends, and lets go of the tenant.
      text: `SELECT set_config(name, '5s', false) FROM pg_settings WHERE name = 'client_connection_check_interval' AND setting = '0'`,
    },
  ]);
}

async function cancelBackend(database: ClientConfig, client: Client): Promise<void> {
  const pid = (client as unknown as { processID: number | null }).processID;
  if (pid === null) return;
  try {
    const canceller = await openClient(database, 'cancel');
    await canceller.query('SELECT pg_cancel_backend($1)', [pid]);
    await closeClient(canceller);
  } catch {
    // The statement ends by itself, or the server is gone: either way there is nothing left to cancel.
  }
}

/** A migration outside a transaction whose statements can be told to be done already. */
function isRepeatable(frame: SegmentFrame): boolean {
  return frame.segment.migrations.every(
    (migration) =>
      migration.mode === 'compiled' &&
      migration.statements.every((one) => (one.createsIndex?.name ?? null) !== null || one.dropsIndexes !== undefined),
  );
}

function withAttempts(result: TenantResult, attempts: ReadonlyMap<string, number>): TenantResult {
  if (attempts.size === 0) return result;
  return { ...result, attempts: [...attempts].map(([sqlstate, count]) => ({ sqlstate, count })) };
}
