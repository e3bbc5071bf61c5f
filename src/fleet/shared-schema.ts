import type { EngineLane } from '../engine/apply/lane.js';
import { planNames } from '../engine/plan.js';
import type { MigrationFile, Plan } from '../engine/types.js';
import { serializeError } from '../errors/serialize.js';
import { TenantsError } from '../errors/tenants-error.js';
import { compareWithFiles, type SchemaState, upTo } from './schema-state.js';
import type { SurveyedSchema } from './survey.js';
import type { SharedResult, Target } from './types.js';

/** Where the shared schema stands, and what of it a run is to apply. */
export type SharedPlace = { place: SurveyedSchema; state: SchemaState; names: string[]; pending: string[] };

/** Judges the shared schema. Pure. */
export function judgeShared(
  place: SurveyedSchema,
  files: readonly MigrationFile[],
  checkOrder: boolean,
  target: Target,
): SharedPlace {
  const names = files.map(({ name }) => name);
  const state = compareWithFiles(names, place.applied, checkOrder);
  const pending = state.kind === 'pending' ? state.pending : [];
  return { place, state, pending, names: upTo(names, pending, target) };
}

/**
 * Refuses a shared schema that cannot be read or migrated as it stands.
 *
 * @throws TenantsError
 */
export function assertSharedUsable(shared: SharedPlace): void {
  const { place, state } = shared;
  assertSharedReadable(shared);
  if (state.kind === 'ahead') {
    throw new TenantsError(
      'TENANT_AHEAD',
      `The shared schema "${place.schema}" is ahead of the files: ${state.unknown.slice(0, 3).join(', ')} is applied but not on disk.`,
      {
        suggestions: ['Deploy the code that has these migrations, or lift the check with --no-check-order.'],
      },
    );
  }
  if (state.kind === 'outOfOrder') {
    throw new TenantsError(
      'TENANT_OUT_OF_ORDER',
      `The shared schema "${place.schema}" is out of order: ${state.found} is applied where the files have ${state.expected}.`,
      {
        suggestions: [
          'Rename the new file so that it sorts after the applied ones, or lift the check with --no-check-order.',
        ],
      },
    );
  }
}

/** @throws TenantsError TENANT_UNREADABLE */
export function assertSharedReadable({ place }: Pick<SharedPlace, 'place'>): void {
  if (place.error !== undefined) throw new TenantsError('TENANT_UNREADABLE', place.error.message, place.error);
}

/**
 * Refuses to touch tenants while the shared schema is behind.
 *
 * @throws TenantsError SHARED_PENDING; TENANT_UNREADABLE when it cannot be told.
 */
export function assertSharedCurrent({ place, pending }: SharedPlace): void {
  assertSharedReadable({ place });
  if (pending.length === 0) return;
  throw new TenantsError(
    'SHARED_PENDING',
    `The shared schema has pending migrations (${pending.slice(0, 3).join(', ')}${pending.length > 3 ? ', …' : ''}), and tenant migrations may rely on them.`,
    {
      suggestions: ['Run first: tenants migrate --shared', 'To go on without them, say --skip-shared-check.'],
    },
  );
}

/** Applies the shared schema's plan. */
export async function applyShared(lane: EngineLane, plan: Plan, place: SurveyedSchema): Promise<SharedResult> {
  const result = await lane.apply({ tenant: place.schema, planId: plan.id, schemaOid: place.oid });
  if (result.status === 'applied' || result.status === 'rolledBack') {
    return { status: 'applied', migrations: planNames(plan), error: null };
  }
  if (result.status === 'failed') {
    return { status: 'failed', migrations: result.committed, error: withoutTenant(result.error) };
  }
  const error = new TenantsError('INTERRUPTED', 'The shared migrations were cancelled and rolled back.');
  return { status: 'failed', migrations: [], error: serializeError(error) };
}

function withoutTenant<T extends { tenant?: string }>(error: T): Omit<T, 'tenant'> & { tenant?: never } {
  const { tenant: _shared, ...rest } = error;
  return rest as Omit<T, 'tenant'> & { tenant?: never };
}
