import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import { withClient } from '../db/connect.js';
import { isRetryable } from '../db/sqlstates.js';
import type { Direction } from '../engine/types.js';
import { serializeError } from '../errors/serialize.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { TenantResult } from '../executors/types.js';
import { surveySchemas } from '../fleet/survey.js';
import type { Project } from '../project/project.js';
import type { FailedResult } from './run-record.js';

/** Pause between two flushes while tenants are migrated, in ms: no more than these are in doubt when the server is lost for good. */
const PERIOD_MS = 500;
/** How long the control connection may take to answer, in ms. */
const PATIENCE_MS = 10_000;
/** How long a server that has crashed is waited for at the end, in ms: about what a restart takes. */
export const RESTART_MS = 30_000;

/**
 * A transaction that is waited for until it, and with it every commit before it, is as durable as the server is set to make
 * commits. One that writes nothing to the log would not be waited for.
 */
const FLUSH = `SELECT pg_catalog.pg_logical_emit_message(true, 'tenants', '')`;

/**
 * The commits of many tenants, made durable together: lanes do not wait for the disk or for standbys, the run does, once in a
 * while and before it reports.
 *
 * What a lane has committed is seen by everybody at once and is lost only in a crash of the server, together with whatever was
 * committed after it. A crash ends every connection: a tenant is safe when the control connection that was there before it was
 * handed out has flushed after it was done. Everyone else is looked up.
 */
export class GroupCommit {
  readonly #control: () => Client;
  /** The control connection of the moment when a tenant was handed out. */
  readonly #handedOut = new Map<string, Client>();
  /** Results that are not known to be durable. */
  readonly #open = new Map<string, TenantResult>();
  readonly #timer: NodeJS.Timeout;
  #flushing: Promise<void> | undefined;

  private constructor(control: () => Client) {
    this.#control = control;
    this.#timer = setInterval(() => void this.#flush(), PERIOD_MS);
    this.#timer.unref();
  }

  /** `undefined` where the user may not flush, or the connection is broken: lanes wait for each commit then. */
  static async begin(control: () => Client): Promise<GroupCommit | undefined> {
    try {
      await control().query(FLUSH);
      return new GroupCommit(control);
    } catch {
      return undefined;
    }
  }

  /** A lane is about to get the tenant. */
  noteStart(tenant: string): void {
    this.#handedOut.set(tenant, this.#control());
  }

  /** What the lane says. */
  done(result: TenantResult): void {
    if (committedBy(result).length > 0) this.#open.set(result.tenant, result);
  }

  /** Flushes what is left, for good; answers the results that this cannot vouch for. */
  async end(): Promise<TenantResult[]> {
    clearInterval(this.#timer);
    await this.#flushing;
    if (this.#open.size > 0) await this.#flush();
    return [...this.#open.values()];
  }

  async #flush(): Promise<void> {
    this.#flushing ??= this.#flushOnce().finally(() => (this.#flushing = undefined));
    await this.#flushing;
  }

  async #flushOnce(): Promise<void> {
    const client = this.#control();
    const covered = [...this.#open.keys()].filter((tenant) => this.#handedOut.get(tenant) === client);
    if (covered.length === 0) return;
    const patience = new AbortController();
    const answered = client.query(FLUSH).then(
      () => true,
      () => false,
    );
    const silent = sleep(PATIENCE_MS, false, { signal: patience.signal }).catch(() => false);
    const flushed = await Promise.race([answered, silent]);
    patience.abort();
    if (flushed) for (const tenant of covered) this.#open.delete(tenant);
  }
}

/** What became of results that nobody could vouch for. `left`: what a result says was done, and is. */
export type LookedUp = {
  takenBack: { result: TenantResult; left: string[] }[];
  unknown: { result: TenantResult; why: Error }[];
};

/**
 * Looks into the database for what the results say; what is found there is durable afterwards.
 *
 * @param until how long a server that is being restarted is waited for, on the clock of `Date.now()`
 */
export async function lookUpCommits(
  project: Project,
  results: readonly TenantResult[],
  direction: Direction,
  until = 0,
): Promise<LookedUp> {
  const { database, migrationsTable } = project;
  try {
    return await withClient(database, 'look up', async (client) => {
      const names = results.map(({ tenant }) => tenant);
      const surveyed = await surveySchemas(client, database, names, migrationsTable, 1);
      await client.query(FLUSH);
      const applied = new Map(surveyed.map((place) => [place.schema, new Set(place.applied)]));
      const takenBack = results.flatMap((result) => {
        const said = committedBy(result);
        const left = said.filter((name) => applied.get(result.tenant)?.has(name) === (direction === 'up'));
        return left.length === said.length ? [] : [{ result, left }];
      });
      return { takenBack, unknown: [] };
    });
  } catch (error) {
    if (!isRetryable(error) || Date.now() >= until) {
      return { takenBack: [], unknown: results.map((result) => ({ result, why: error as Error })) };
    }
  }
  await sleep(PERIOD_MS);
  return await lookUpCommits(project, results, direction, until);
}

/**
 * The result of a tenant whose migrations the server has taken back, or may have.
 *
 * @param left the migrations that it has not taken back
 */
export function inDoubt({ tenant }: TenantResult, left: readonly string[], why?: Error): FailedResult {
  const error =
    why === undefined
      ? new TenantsError('DATABASE_ERROR', `The server crashed and took back what was done for "${tenant}".`, {
          tenant,
        })
      : new TenantsError(
          'OUTCOME_UNKNOWN',
          `The connection broke, and whether "${tenant}" was changed could not be found out: ${why.message}`,
          { tenant, cause: why },
        );
  const suggestions = ['Run the same command again: it finds what was done and finishes the rest.'];
  return {
    tenant,
    status: 'failed',
    committed: [...left],
    error: { ...serializeError(error), suggestions },
    ...(why === undefined ? {} : { unknownOutcome: true }),
  };
}

/** Migrations that a result says were committed. */
function committedBy(result: TenantResult): readonly string[] {
  if (result.status === 'applied' || result.status === 'rolledBack') return result.migrations;
  return result.status === 'failed' ? result.committed : [];
}
