import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import { withCancel } from '../../db/backend/with-cancel.js';
import { closeClient } from '../../db/connect.js';
import { deadlineAfter, pollLock } from '../../db/poll-lock.js';
import { isConnectionError } from '../../db/sqlstates.js';
import { describeFailure } from '../../engine/apply/failure.js';
import { movedError } from '../../engine/apply/lane-errors.js';
import { openLaneSession, resetLaneSession } from '../../engine/apply/lane-session.js';
import { Retries } from '../../engine/apply/retry.js';
import { type TryOutcome, type TryPart, tryTransaction } from '../../engine/apply/try-transaction.js';
import type { ApplySettings, MigrationFile, Plan, TenantAssignment } from '../../engine/types.js';
import { type SerializedError, serializeError } from '../../errors/serialize.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { Project } from '../../project/project.js';
import { tryableOf, untriedAfter } from './tryable.js';
import type { NotTried, TriedStatement } from './types.js';

/** A schema that is tried, with what it would run. */
export type TryWork = { work: TenantAssignment; plan: Plan; files: readonly MigrationFile[] };

/** What became of the last schema of a try. */
export type Tried = { statements: TriedStatement[]; warnings: string[]; durationMs: number } & (
  | { kind: 'succeeded'; migrations: string[]; notTried: NotTried[] }
  | { kind: 'failed'; error: SerializedError; migration?: string; ofShared: boolean }
  | { kind: 'canceled' }
);

/** One connection that tries one tenant at a time, each in a transaction that is rolled back. */
export class TryLane {
  readonly #project: Project;
  readonly #settings: ApplySettings;
  readonly #cancel: AbortSignal;
  #client: Client | undefined;

  constructor(project: Project, settings: ApplySettings, cancel: AbortSignal) {
    this.#project = project;
    this.#settings = settings;
    this.#cancel = cancel;
  }

  /**
   * Tries the last of some schemas after the others, as they would be changed one after the other. Waits for locks, and tries again after
   * transient errors, as a lane does.
   */
  async try(works: readonly TryWork[]): Promise<Tried> {
    const started = performance.now();
    const parts = works.map((one, index) => partOf(one, this.#settings, index === works.length - 1));
    const retries = new Retries(this.#settings);
    for (;;) {
      const outcome = await this.#tryUntilFree(parts);
      const last = works.at(-1);
      if (last === undefined || outcome === 'canceled') {
        return { kind: 'canceled', statements: [], warnings: [], durationMs: 0 };
      }
      const pauseMs =
        outcome.kind === 'failed' || outcome.kind === 'lost' ? retries.pauseAfter(outcome.error) : undefined;
      if (pauseMs === undefined || this.#cancel.aborted) {
        return { durationMs: Math.round(performance.now() - started), ...this.#toTried(works, last, outcome) };
      }
      await sleep(pauseMs, undefined, { signal: this.#cancel }).catch(() => {});
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await closeClient(client);
  }

  async #tryUntilFree(parts: readonly TryPart[]): Promise<TryOutcome | 'canceled'> {
    const attempt = async (): Promise<TryOutcome | 'canceled' | undefined> => {
      const outcome = await this.#tryOnce(parts);
      if (this.#cancel.aborted && outcome.kind !== 'tried') return 'canceled';
      return outcome.kind === 'busy' ? undefined : outcome;
    };
    const until = deadlineAfter(this.#settings.lockTimeoutMs);
    return (await pollLock(attempt, { until, signal: this.#cancel })) ?? { kind: 'busy', statements: [], part: 0 };
  }

  async #tryOnce(parts: readonly TryPart[]): Promise<TryOutcome> {
    try {
      const client = await this.#connection();
      const outcome = await withCancel(this.#project.database, client, this.#cancel, () =>
        tryTransaction(client, parts),
      );
      if (outcome.kind === 'lost') await this.close();
      else await resetLaneSession(client).catch(() => this.close());
      return outcome;
    } catch (error) {
      await this.close();
      const kind = isConnectionError(error) ? 'lost' : 'failed';
      return { kind, error: error as Error, place: {}, statements: [], part: parts.length - 1 };
    }
  }

  async #connection(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = await openLaneSession(this.#project.database);
    client.once('end', () => {
      if (this.#client === client) this.#client = undefined;
    });
    this.#client = client;
    return client;
  }

  #toTried(works: readonly TryWork[], { work: { tenant }, plan }: TryWork, outcome: TryOutcome): OutcomeTried {
    const { statements } = outcome;
    const { segment, notTried } = tryableOf(plan);
    const names = segment.migrations.map(({ name }) => name);
    const ofShared = outcome.part < works.length - 1;
    switch (outcome.kind) {
      case 'tried':
        return { kind: 'succeeded', migrations: names, notTried, statements, warnings: outcome.warnings };
      case 'busy': {
        const message = `The tenant "${tenant}" is being changed by another process, and the lock could not be acquired within the lock timeout.`;
        return failed(serializeError(new TenantsError('TENANT_BUSY', message, { tenant })), statements, ofShared);
      }
      case 'moved':
        return failed(serializeError(movedError(tenant, this.#settings)), statements, ofShared);
      case 'failed':
      case 'lost': {
        const error = describeFailure(outcome.error, tenant, outcome.place, { alone: names.length === 1 });
        const migration = outcome.place.migration?.name;
        const { sqlstate, message } = error;
        const untried = ofShared ? undefined : untriedAfter(plan, notTried, { sqlstate, migration, message });
        if (untried === undefined) {
          return { ...failed(error, statements, ofShared), ...(migration === undefined ? {} : { migration }) };
        }
        const skipped = new Set(untried.map((one) => one.migration));
        const migrations = names.filter((name) => !skipped.has(name));
        return { kind: 'succeeded', migrations, notTried: untried, statements, warnings: [] };
      }
    }
  }
}

type OutcomeTried =
  Exclude<Tried, { kind: 'canceled' }> extends infer T ? (T extends unknown ? Omit<T, 'durationMs'> : never) : never;

function failed(error: SerializedError, statements: TriedStatement[], ofShared: boolean) {
  return { kind: 'failed', error, statements, warnings: [] as string[], ofShared } as const;
}

function partOf({ work, plan, files }: TryWork, settings: ApplySettings, observed: boolean): TryPart {
  const { segment } = tryableOf(plan);
  const { applied, tableExists } = plan;
  return { frame: { work, plan, segment, applied, tableExists, settings }, files, observed };
}
