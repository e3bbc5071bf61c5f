import type { Client } from 'pg';

import { findCommitOutcome } from '../../db/backend/commit-outcome.js';
import type { DatabaseConfig } from '../../db/database-config.js';
import { findOutcome } from '../../engine/apply/find-outcome.js';
import { appliedBefore, isRepeatable } from '../../engine/plan.js';
import type { ApplySettings, Plan, TenantAssignment } from '../../engine/types.js';

/** How long a backend may hold a tenant after its client died, in ms. */
const PATIENCE_MS = 60_000;

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
  const ask = async (client: Client): Promise<true | 'busy'> => {
    for (const work of works) {
      const answer = found.has(work.tenant) ? 'busy' : await lookUp(work, client, options);
      if (answer !== 'busy') found.set(work.tenant, answer);
    }
    return works.every(({ tenant }) => found.has(tenant)) || 'busy';
  };
  const { database, cancel } = options;
  const outcome = await findCommitOutcome({ database, purpose: 'look-up', ask, waitMs: PATIENCE_MS, cancel });
  const error = 'unknown' in outcome ? outcome.unknown : undefined;
  return new Map(works.map(({ tenant }) => [tenant, found.get(tenant) ?? { kind: 'unknown', error }]));
}

async function lookUp(
  work: TenantAssignment,
  client: Client,
  { plans, settings }: LookUpOptions,
): Promise<TenantOutcome | 'busy'> {
  const plan = plans.get(work.planId);
  if (plan === undefined) return { kind: 'unknown', error: new Error(`There is no plan ${work.planId}.`) };
  const { segments } = plan;
  for (const [index, segment] of [...segments.entries()].toReversed()) {
    const tableExists = plan.tableExists || index > 0;
    const frame = { work, plan, segment, applied: appliedBefore(plan, index), tableExists, settings };
    const answer = await findOutcome(client, frame);
    if (answer === 'busy') return answer;
    if (answer === 'moved') return { kind: 'moved' };
    if (answer === 'committed') return index === segments.length - 1 ? { kind: 'done' } : partly(plan, index + 1);
  }
  const first = segments[0];
  const again = first === undefined || first.transaction || isRepeatable(first);
  return again ? { kind: 'untouched' } : { kind: 'partly', committed: [] };
}

function partly({ segments }: Plan, count: number): TenantOutcome {
  const committed = segments.slice(0, count).flatMap(({ migrations }) => migrations.map(({ name }) => name));
  return { kind: 'partly', committed };
}
