import { setTimeout as sleep } from 'node:timers/promises';

import type { Client, ClientConfig } from 'pg';

import { findCommitOutcome } from '../../db/backend/commit-outcome.js';
import { type Backend, backendOf } from '../../db/backend/identity.js';
import { withCancel } from '../../db/backend/with-cancel.js';
import type { BatchItem } from '../../db/batch.js';
import { finishPreparedTransactions, isOnCitus } from '../../db/citus/cluster.js';
import { closeClient } from '../../db/connect.js';
import { describeHolder, lockHolders, tenantLock } from '../../db/locks.js';
import { destroySocket } from '../../db/pg-internals.js';
import { deadlineAfter, pollLock } from '../../db/poll-lock.js';
import { CANCELED_TENANT_MS } from '../../db/restart.js';
import { isConnectionError } from '../../db/sqlstates.js';
import { serializeError } from '../../errors/serialize.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { limitAfterAbort } from '../../util/after-abort.js';
import { type MigrateHooks, type RegistrationHooks, segmentHooks } from '../hooks/migrate-hooks.js';
import { runHookAlone } from '../hooks/run-hook.js';
import { appliedBefore, doneStatus, firstInSchema, isRepeatable, leavesTraces, planNames } from '../plan.js';
import type { TenantResult, ApplySettings, MigrationFile, Plan, Segment, TenantAssignment } from '../types.js';
import { describeFailure } from './failure.js';
import { readOutcome, type SegmentOutcome } from './find-outcome.js';
import { canceledError, lacksPrepared, movedError, unfinishedResult } from './lane-errors.js';
import { openLaneSession, readSchemaOid, resetLaneSession } from './lane-session.js';
import { withSchemaFirst } from './on-citus.js';
import { reasonOf, Retries, wasStopped, withAttempts } from './retry.js';
import { runOutsideTransaction } from './run-outside.js';
import { type FailurePoint, runTransaction, type TransactionOutcome } from './run-transaction.js';
import type { SegmentFrame } from './steps.js';

export type LaneOptions = {
  database: ClientConfig;
  plans: ReadonlyMap<string, Plan>;
  settings: ApplySettings;
  /** The files of each migrations directory; needed where a plan has direct migrations. */
  filesOf(plan: Plan): readonly MigrationFile[];
  hooks?: MigrateHooks | undefined;
  /** Aborted when running statements are to be canceled and rolled back. */
  cancel?: AbortSignal;
  /** Tenants after which the connection is replaced: a backend's catalog caches only grow. */
  recycleAfter: number;
};

/** Statements of the registration of a new tenant, in the same transaction as its migrations, and the hooks around it all. */
export type Registration = {
  prelude: readonly BatchItem[];
  postlude?: readonly BatchItem[];
  hooks?: RegistrationHooks;
};

/** What stands behind a failed result; `segment` is the one that failed, and those before it were committed. */
export type LaneFailure = { segment: number; error?: Error; place: FailurePoint };

/** One connection that migrates one tenant at a time. */
export class EngineLane {
  readonly #options: LaneOptions;
  #client: Client | undefined;
  /** The backend of the latest try, for when its answer is lost. */
  #backend: Backend | undefined;
  /** What was sent may have been committed; it is not known yet. */
  #inDoubt = false;
  /** Segments of the tenant's plan that are known to be committed. */
  #settled = 0;
  #served = 0;
  #lastFailure: LaneFailure | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /**
   * Applies a plan to one tenant. The tenant ends where it was or where it should be; with segments of its own making,
   * at the end of one of them. Never throws for what happens to one tenant. Once the run is canceled it has a result within
   * `CANCELED_TENANT_MS`, whatever the server and the code of migrations do.
   */
  async apply(work: TenantAssignment, registration?: Registration): Promise<TenantResult> {
    const { plans, settings, cancel } = this.#options;
    const known = plans.get(work.planId);
    if (known === undefined) throw new TenantsError('UNEXPECTED', `There is no plan ${work.planId}.`);
    const plan = settings.distribute === true && work.schemaOid === null ? withSchemaFirst(known) : known;
    this.#inDoubt = false;
    this.#settled = 0;
    const result = this.#applyPlan(work, plan, registration);
    return await limitAfterAbort(result, cancel, CANCELED_TENANT_MS, () => this.#giveUp(work, plan));
  }

  async #applyPlan(work: TenantAssignment, plan: Plan, registration: Registration | undefined): Promise<TenantResult> {
    const started = performance.now();
    const committed: string[] = [];
    const attempts = new Map<string, number>();
    const warnings: string[] = [];
    for (const index of plan.segments.keys()) {
      const outcome = await this.#runSegment(work, plan, index, attempts, registration);
      if (outcome.kind !== 'committed') {
        if (outcome.kind === 'failed' && outcome.recorded === true) committed.push(...namesOf(plan.segments[index]));
        this.#lastFailure = { place: {}, ...outcome, segment: index };
        const alone = plan.segments[index]?.migrations.length === 1;
        return withAttempts(await this.#failed(work, outcome, committed, alone), attempts);
      }
      warnings.push(...outcome.warnings);
      committed.push(...namesOf(plan.segments[index]));
    }
    this.#served += 1;
    const result: TenantResult = {
      tenant: work.tenant,
      status: doneStatus(plan.direction),
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
    work: TenantAssignment,
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
      work,
      plan,
      segment,
      applied: appliedBefore(plan, index),
      tableExists: plan.tableExists || index > firstInSchema(plan),
      settings,
      hooks: segmentHooks(this.#options, work, plan, index, registration?.hooks),
      ...(registration !== undefined && index === 0 ? { prelude: registration.prelude } : {}),
      ...(registration?.postlude !== undefined && last ? { postlude: registration.postlude } : {}),
    };
    const until = deadlineAfter(settings.lockTimeoutMs);
    const retries = new Retries(settings);
    for (;;) {
      const outcome = await this.#tryUntilFree(frame, plan, until);
      if (outcome.kind === 'lost') {
        const found = await this.#findOutcome(frame);
        if (found === 'unknown') return outcome;
        this.#inDoubt = false;
        if (found === 'committed') this.#settled = index + 1;
        if (found === 'committed') return await this.#after({ kind: 'committed', warnings: [] }, frame);
        if (found === 'moved') return { kind: 'moved' };
        if (this.#canceled() && segment.transaction) return { kind: 'failed', error: canceledError(), place: {} };
      }
      if (outcome.kind !== 'failed' && outcome.kind !== 'lost') return await this.#after(outcome, frame);
      const { error, place } = outcome;
      const begun = outcome.kind === 'lost' || outcome.begun !== false;
      const failed = { kind: 'failed', error, place, begun } as const;
      const pauseMs = this.#canceled() ? undefined : retries.pauseAfter(error);
      if (pauseMs === undefined) return failed;
      // Outside a transaction the first part may have been carried out; only what is found again is tried again.
      if (!segment.transaction && begun && !isRepeatable(segment)) return failed;
      const reason = reasonOf(error);
      attempts.set(reason, (attempts.get(reason) ?? 0) + 1);
      await this.#pause(pauseMs);
    }
  }

  /** Without a transaction the last hooks are called when everything is recorded; what they throw undoes nothing. */
  async #after(outcome: TransactionOutcome, { segment, hooks }: SegmentFrame): Promise<TransactionOutcome> {
    if (outcome.kind !== 'committed' || segment.transaction) return outcome;
    try {
      for (const hook of hooks?.last ?? []) await runHookAlone(hook, hooks?.cancel);
      return outcome;
    } catch (error) {
      return { kind: 'failed', error: error as Error, place: { step: 'hook' }, recorded: true };
    }
  }

  async #tryUntilFree(frame: SegmentFrame, plan: Plan, until: number): Promise<TransactionOutcome> {
    const attempt = async (): Promise<TransactionOutcome | undefined> => {
      const outcome = await this.#try(frame, plan);
      return outcome.kind === 'busy' ? undefined : outcome;
    };
    return (await pollLock(attempt, { until, signal: this.#options.cancel })) ?? { kind: 'busy' };
  }

  async #try(given: SegmentFrame, plan: Plan): Promise<TransactionOutcome> {
    const { database, cancel, filesOf } = this.#options;
    let frame = given;
    let client: Client;
    try {
      client = await this.#connection();
      if (isOnCitus(client)) frame = { ...frame, onCitus: true };
      if (frame.work.schemaOid === null && frame.segment !== plan.segments[0]) {
        frame = { ...frame, work: { ...frame.work, schemaOid: await readSchemaOid(client, frame.work.tenant) } };
      }
    } catch (error) {
      return { kind: 'failed', error: error as Error, place: {}, begun: false };
    }
    if (this.#canceled()) return { kind: 'failed', error: canceledError(), place: {}, begun: false };
    this.#backend = backendOf(client);
    this.#inDoubt = true;
    const run = frame.segment.transaction ? runTransaction : runOutsideTransaction;
    let outcome: TransactionOutcome;
    try {
      outcome = await withCancel(database, client, cancel, () => run(client, frame, filesOf(plan)));
    } catch (error) {
      await this.close();
      outcome = { kind: isConnectionError(error) ? 'lost' : 'failed', error: error as Error, place: {} };
    }
    this.#inDoubt = outcome.kind === 'lost';
    if (outcome.kind === 'committed') this.#settled = plan.segments.indexOf(frame.segment) + 1;
    if (lacksPrepared(outcome)) {
      await this.close();
      return await this.#try(frame, plan);
    }
    const clean = outcome.kind === 'committed' || outcome.kind === 'busy' || outcome.kind === 'moved';
    if (outcome.kind === 'lost' || (!clean && !frame.segment.transaction)) await this.close();
    else if (leavesTraces(plan) || frame.hooks !== undefined || !frame.segment.transaction) {
      await resetLaneSession(client).catch(() => this.close());
    }
    return outcome;
  }

  /** Opens a connection where there is none, or the old one has served long enough. */
  async #connection(): Promise<Client> {
    if (this.#client !== undefined && this.#served >= this.#options.recycleAfter) await this.close();
    if (this.#client === undefined) {
      this.#served = 0;
      const client = await openLaneSession(this.#options.database);
      // One that breaks between two tenants, or while it is rolled back, must not be the next tenant's failure.
      client.once('end', () => {
        if (this.#client === client) this.#client = undefined;
      });
      this.#client = client;
    }
    return this.#client;
  }

  async #findOutcome(frame: SegmentFrame): Promise<SegmentOutcome | 'unknown'> {
    const { database, settings, cancel } = this.#options;
    const outcome = await findCommitOutcome({
      database,
      purpose: 'lane',
      lost: this.#backend,
      ask: async (client) => {
        if (isOnCitus(client)) await finishPreparedTransactions(client);
        return await readOutcome(client, frame);
      },
      waitMs: settings.restartWaitMs,
      cancel,
    });
    return 'found' in outcome ? outcome.found : 'unknown';
  }

  /** The result of a tenant that was canceled and is still not at its end. What it is at is cut off, and goes on by itself. */
  #giveUp({ tenant }: TenantAssignment, plan: Plan): TenantResult {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) destroySocket(client);
    return unfinishedResult(tenant, plan, this.#settled, this.#inDoubt);
  }

  async #failed(
    work: TenantAssignment,
    outcome: Exclude<TransactionOutcome, { kind: 'committed' }>,
    committed: string[],
    alone: boolean,
  ): Promise<TenantResult> {
    const base = { tenant: work.tenant, status: 'failed', committed } as const;
    if (outcome.kind === 'moved') {
      return { ...base, error: serializeError(movedError(work.tenant, this.#options.settings)) };
    }
    if (this.#canceled() && committed.length === 0 && wasStopped(outcome)) {
      return { tenant: work.tenant, status: 'notExecuted', reason: 'interrupted' };
    }
    if (outcome.kind === 'busy') {
      const { tenant } = work;
      const error = new TenantsError('TENANT_BUSY', await this.#whoIsBusy(tenant), { tenant });
      return { ...base, error: serializeError(error) };
    }
    const migration = outcome.place.migration?.name;
    return {
      ...base,
      ...(migration === undefined ? {} : { migration }),
      error: describeFailure(outcome.error, work.tenant, outcome.place, { isUnknown: outcome.kind === 'lost', alone }),
      ...(outcome.kind === 'lost' ? { unknownOutcome: true } : {}),
    };
  }

  async #whoIsBusy(tenant: string): Promise<string> {
    const holders = await this.#connection()
      .then((client) => lockHolders(client, tenantLock(tenant)))
      .catch(() => []);
    const who = holders[0] === undefined ? 'another process' : describeHolder(holders[0]);
    return `The tenant "${tenant}" is being changed by ${who}; and the lock could not be acquired within the lock timeout.`;
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#options.cancel }).catch(() => {});
  }

  #canceled(): boolean {
    return this.#options.cancel?.aborted === true;
  }
}

function namesOf(segment: Segment | undefined): string[] {
  return (segment?.migrations ?? []).map(({ name }) => name);
}
