import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import { closeClient, openClient } from '../../db/connect.js';
import type { DatabaseConfig } from '../../db/database-config.js';
import { findOutcome, type SegmentOutcome } from '../../engine/apply/find-outcome.js';
import { appliedBefore, isRepeatable } from '../../engine/plan.js';
import type { ApplySettings, Plan, TenantAssignment } from '../../engine/types.js';

/** How long a backend may hold a tenant after its client died, in ms; the second value once a run is canceled. */
const PATIENCE_MS = 60_000;
const LAST_PATIENCE_MS = 10_000;
const POLL_MS = 100;
/** The server may still be reading what a dead client sent; a look before that would be too early, in ms. */
const SETTLE_MS = 250;

/** What became of a plan whose worker died. */
export type TenantOutcome =
  | { kind: 'done' }
  /** Nothing of it was committed, and starting again is safe. */
  | { kind: 'untouched' }
  /** Earlier segments were committed, or statements outside a transaction may have been carried out. */
  | { kind: 'partly'; committed: string[] }
  /** Its applied list is neither the old nor the new one. */
  | { kind: 'moved' }
  | { kind: 'unknown'; error: unknown };

export type LookUpOptions = {
  database: DatabaseConfig;
  settings: ApplySettings;
  plans: ReadonlyMap<string, Plan>;
  cancel: AbortSignal;
};

/**
 * Asks the server what became of tenants that a dead worker held. Each tenant's lock is had first, so that a backend of
 * the dead worker has ended by then.
 */
export async function findOutcomes(
  works: readonly TenantAssignment[],
  options: LookUpOptions,
): Promise<Map<string, TenantOutcome>> {
  const found = new Map<string, TenantOutcome>();
  if (works.length === 0) return found;
  await sleep(SETTLE_MS);
  const connection = new Connection(options.database);
  try {
    for (const work of works) found.set(work.tenant, await lookUp(work, connection, options));
  } finally {
    await connection.close();
  }
  return found;
}

async function lookUp(work: TenantAssignment, connection: Connection, options: LookUpOptions): Promise<TenantOutcome> {
  const plan = options.plans.get(work.planId);
  if (plan === undefined) return { kind: 'unknown', error: new Error(`There is no plan ${work.planId}.`) };
  const { segments } = plan;
  for (const index of [...segments.keys()].toReversed()) {
    const answer = await askSegment(work, plan, index, connection, options);
    if (typeof answer === 'object') return answer;
    if (answer === 'moved') return { kind: 'moved' };
    if (answer === 'committed') return index === segments.length - 1 ? { kind: 'done' } : partly(plan, index + 1);
  }
  const first = segments[0];
  const again = first === undefined || first.transaction || isRepeatable(first);
  return again ? { kind: 'untouched' } : { kind: 'partly', committed: [] };
}

/** Asks until there is an answer, or patience runs out. */
async function askSegment(
  work: TenantAssignment,
  plan: Plan,
  index: number,
  connection: Connection,
  { settings, cancel }: LookUpOptions,
): Promise<SegmentOutcome | TenantOutcome> {
  const segment = plan.segments[index];
  if (segment === undefined) return 'notCommitted';
  const tableExists = plan.tableExists || index > 0;
  const frame = { work, plan, segment, applied: appliedBefore(plan, index), tableExists, settings };
  const started = performance.now();
  let error: unknown = new Error('A connection of the worker that died still holds the tenant.');
  while (performance.now() - started < (cancel.aborted ? LAST_PATIENCE_MS : PATIENCE_MS)) {
    try {
      const answer = await findOutcome(await connection.get(), frame);
      if (answer !== 'busy') return answer;
    } catch (failure) {
      error = failure;
      await connection.close();
    }
    await sleep(POLL_MS);
  }
  return { kind: 'unknown', error };
}

function partly({ segments }: Plan, count: number): TenantOutcome {
  const committed = segments.slice(0, count).flatMap(({ migrations }) => migrations.map(({ name }) => name));
  return { kind: 'partly', committed };
}

/** A connection that is opened when it is needed, and again after it broke. */
class Connection {
  readonly #database: DatabaseConfig;
  #client: Client | undefined;

  constructor(database: DatabaseConfig) {
    this.#database = database;
  }

  async get(): Promise<Client> {
    this.#client ??= await openClient(this.#database, 'look-up');
    return this.#client;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await closeClient(client);
  }
}
