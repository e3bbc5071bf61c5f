import { partOfPhase, type Phase, type PhasePart, postNames } from '../engine/phases.js';
import { TenantsError } from '../errors/tenants-error.js';
import { firstFew } from '../util/format-count.js';
import { tenantsCommand } from '../util/tenants-command.js';
import type { SurveyedShared } from './read-shared.js';
import { compareWithMigrationFiles, type SchemaState, upTo } from './schema-state.js';
import type { Target } from './types.js';

/** Where the shared schema stands, and what of it a run is to do. */
export type SharedSchema = SurveyedShared & {
  state: SchemaState;
  pending: string[];
  /** The names that the run is to apply or undo, in this order. */
  toRun: string[];
  /** What of them a phase leaves. */
  phase: PhasePart;
};

/** Compares the shared schema with its files. Pure. */
export function compareShared(
  shared: SurveyedShared,
  checkOrder: boolean,
  target?: Target,
  phase?: Phase,
): SharedSchema {
  const names = shared.files.map(({ name }) => name);
  const state = compareWithMigrationFiles(shared.files, shared.surveyed.applied, checkOrder);
  const pending = state.kind === 'pending' ? state.pending : [];
  const part = partOfPhase(shared.files, upTo(names, pending, target), phase);
  return { ...shared, state, pending, toRun: part.names, phase: part };
}

/**
 * Refuses a shared schema that cannot be read or migrated as it stands.
 *
 * @throws TenantsError
 */
export function assertSharedUsable(shared: SharedSchema): void {
  const { surveyed, state } = shared;
  assertSharedReadable(shared);
  switch (state.kind) {
    case 'upToDate':
    case 'pending':
      return;
    case 'ahead':
      throw new TenantsError(
        'TENANT_AHEAD',
        `The shared schema "${surveyed.schema}" is ahead of the files: ${state.unknown.slice(0, 3).join(', ')} is applied but not on disk.`,
        {
          suggestions: ['Deploy the code that has these migrations, or lift the check with --no-check-order.'],
        },
      );
    case 'outOfOrder':
      throw new TenantsError(
        'TENANT_OUT_OF_ORDER',
        `The shared schema "${surveyed.schema}" is out of order: ${state.found} is applied where the files have ${state.expected}.`,
        {
          suggestions: [
            'Rename the new file so that it sorts after the applied ones, or lift the check with --no-check-order.',
          ],
        },
      );
    default:
      state satisfies never;
  }
}

/** @throws TenantsError TENANT_UNREADABLE */
export function assertSharedReadable({ surveyed }: Pick<SurveyedShared, 'surveyed'>): void {
  if (surveyed.error !== undefined) throw new TenantsError('TENANT_UNREADABLE', surveyed.error.message, surveyed.error);
}

/**
 * Refuses to touch tenants while the shared schema is behind. Between the phases of a change it is not: what waits for the new code is
 * nothing that new tenants, or the other migrations of the first phase, rely on.
 *
 * @param work what relies on it: migrations of tenants, where the check can be lifted, or a new tenant
 * @param phase of the migrations
 * @throws TenantsError SHARED_PENDING; TENANT_UNREADABLE when it cannot be told.
 */
export function assertSharedCurrent(
  shared: SharedSchema,
  work: 'migrations' | 'new tenant' | 'pool',
  phase?: Phase,
): void {
  assertSharedReadable(shared);
  const post = postNames(shared.files);
  const pending =
    work === 'migrations' && phase !== 'pre' ? shared.pending : shared.pending.filter((name) => !post.has(name));
  if (pending.length === 0) return;
  const shown = firstFew(pending);
  const who = { migrations: 'tenant migrations', 'new tenant': 'a new tenant', pool: 'new tenants' }[work];
  throw new TenantsError(
    'SHARED_PENDING',
    `The shared schema has pending migrations (${shown}), and ${who} may rely on them.`,
    {
      suggestions: [
        `Run first: ${tenantsCommand('migrate', '--shared')}`,
        ...(work === 'migrations' ? ['To continue without them, add --skip-shared-check.'] : []),
      ],
    },
  );
}
