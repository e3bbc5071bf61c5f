import { TenantsError } from '../errors/tenants-error.js';
import type { MigrateOptions } from './types.js';

/**
 * Refuses combinations of options that make no sense together.
 *
 * @throws TenantsError USAGE.
 */
export function assertMigrateOptions({ selection, target }: Pick<MigrateOptions, 'selection' | 'target'>): void {
  if (target === undefined) return;
  if ('count' in target && (!Number.isInteger(target.count) || target.count < 1)) {
    throw new TenantsError('USAGE', `A count of ${target.count} makes no sense: it is a whole number from 1 on.`);
  }
  if (selection.kind === 'all') {
    throw new TenantsError('USAGE', 'A target means either the shared schema or tenants, not both at once.', {
      suggestions: ['Say --shared, --tenants-only, or --tenant NAME with --to and --count.'],
    });
  }
}
