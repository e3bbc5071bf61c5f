import { serializeError } from '../../errors/serialize.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { TenantResult } from '../../executors/types.js';
import type { PlaceNow } from '../types.js';
import type { OpenPlan, OpenRun } from './open-runs.js';

/** What a run had planned for a tenant of which it is not known what became of it. */
export type Pending = { tenant: string; oid: number | null; migrations: string[] };

/** Tenants of a run without a result. The plan of a later round takes the place of an earlier one. Pure. */
export function pendingOf({ plans, known }: Pick<OpenRun, 'plans' | 'known'>): Pending[] {
  const pending = new Map<string, Pending>();
  for (const { tenants, oids, migrations } of plans) {
    tenants.forEach((tenant, index) => pending.set(tenant, { tenant, oid: oids[index] ?? null, migrations }));
  }
  for (const tenant of known) pending.delete(tenant);
  return [...pending.values()];
}

/**
 * Where tenants stood when a run had ended: what a later run has found before it began, and where there is none, what is there
 * now. Pure.
 *
 * @param later plans of later runs, oldest first
 */
export function placesAfter(
  later: readonly OpenPlan[],
  now: ReadonlyMap<string, PlaceNow>,
): (tenant: string) => PlaceNow | undefined {
  const found = new Map<string, PlaceNow>();
  for (const { tenants, oids, applied } of later) {
    tenants.forEach((tenant, index) => {
      if (!found.has(tenant)) found.set(tenant, { oid: oids[index] ?? null, applied, readable: true });
    });
  }
  return (tenant) => found.get(tenant) ?? now.get(tenant);
}

/** What became of a tenant, as its migrations table says it. Pure. */
export function outcomeOf(
  { tenant, oid, migrations }: Pending,
  direction: 'up' | 'down',
  place: PlaceNow | undefined,
): TenantResult {
  if (place === undefined || !place.readable) return unknown(tenant, 'its migrations table cannot be read');
  if (oid !== null && place.oid !== oid) return unknown(tenant, 'its schema was deleted, renamed or made again since');
  const applied = new Set(place.applied);
  const done = migrations.filter((name) => applied.has(name) === (direction === 'up'));
  if (done.length === 0) return { tenant, status: 'notExecuted', reason: 'interrupted' };
  if (done.length === migrations.length) {
    return { tenant, status: direction === 'up' ? 'applied' : 'rolledBack', migrations, durationMs: 0 };
  }
  const error = new TenantsError('INTERRUPTED', `The run was ended from outside while "${tenant}" was being changed.`, {
    tenant,
    suggestions: ['Run the same command again: it finds what was done and finishes the rest.'],
  });
  return { tenant, status: 'failed', committed: done, error: serializeError(error) };
}

function unknown(tenant: string, why: string): TenantResult {
  const error = new TenantsError(
    'OUTCOME_UNKNOWN',
    `The run was ended from outside, and what it did to "${tenant}" cannot be told: ${why}.`,
    { tenant },
  );
  return { tenant, status: 'failed', committed: [], error: serializeError(error) };
}

/** What became of the shared schema; `undefined` where that is known. Pure. */
export function sharedOutcome({ shared, direction }: OpenRun, place: PlaceNow | undefined): OpenRun['shared'] {
  if (shared?.status !== 'running') return shared;
  const applied = new Set(place?.applied);
  const done = shared.migrations.filter((name) => applied.has(name) === (direction !== 'down'));
  if (done.length === shared.migrations.length) {
    return { ...shared, status: direction === 'down' ? 'rolledBack' : 'applied' };
  }
  const error = new TenantsError(
    'INTERRUPTED',
    'The run was ended from outside before the shared schema was migrated.',
  );
  return { status: 'failed', migrations: done, error: serializeError(error) };
}
