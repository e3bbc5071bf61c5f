import { TenantsError } from '../errors/tenants-error.js';
import type { Target } from '../fleet/types.js';
import type { MigrateOptions } from './types.js';

/**
 * Refuses combinations of options that make no sense together.
 *
 * @throws TenantsError USAGE.
 */
export function assertMigrateOptions({
  selection,
  target,
  failedOf,
}: Pick<MigrateOptions, 'selection' | 'target' | 'failedOf'>): void {
  if (failedOf !== undefined && selection.kind === 'shared') {
    throw new TenantsError('USAGE', 'The tenants that failed in a run and the shared schema cannot be combined.');
  }
  if (target === undefined) return;
  assertCount(target);
  if (selection.kind === 'all') {
    throw new TenantsError('USAGE', 'A target means either the shared schema or tenants, not both at once.', {
      suggestions: ['Say --shared, --tenants-only, or --tenant NAME with --to and --count.'],
    });
  }
}

/** @throws TenantsError USAGE for a count that is not a positive integer. */
export function assertCount(target: Target): void {
  if (target === undefined || !('count' in target)) return;
  if (Number.isInteger(target.count) && target.count > 0) return;
  throw new TenantsError('USAGE', `The count must be a positive integer, not ${target.count}.`);
}
