import type { MigrationFile } from '../engine/types.js';
import { TenantsError } from '../errors/tenants-error.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import type { FilesByType } from './cohorts.js';
import type { Target } from './types.js';

/**
 * Refuses a target that names no shared migration.
 *
 * @throws TenantsError UNKNOWN_MIGRATION.
 */
export function assertSharedTarget(target: Target, files: readonly MigrationFile[]): void {
  assertTarget(target, [{ label: 'among the shared ones', files }]);
}

/**
 * Refuses a target that names no migration of some tenant type.
 *
 * @throws TenantsError UNKNOWN_MIGRATION.
 */
export function assertTenantTarget(target: Target, filesByType: FilesByType): void {
  assertTarget(
    target,
    [...filesByType].map(([type, files]) => ({
      label: type === null ? 'among the tenant migrations' : `for tenants of type "${type}"`,
      files,
    })),
  );
}

function assertTarget(
  target: Target,
  directories: readonly { label: string; files: readonly MigrationFile[] }[],
): void {
  if (target === undefined || 'count' in target) return;
  const without = directories.filter(({ files }) => !files.some(({ name }) => name === target.to));
  if (without.length === 0) return;
  const replacing = without
    .flatMap(({ files }) => files)
    .find(({ replaces }) => replaces?.includes(target.to) === true);
  if (replacing !== undefined) {
    throw new TenantsError(
      'UNKNOWN_MIGRATION',
      `${replacing.name} has taken the place of the migration "${target.to}".`,
      {
        suggestions: [`Name ${replacing.name}, or use the version of the code that still has the replaced files.`],
      },
    );
  }
  const near = nearestNames(target.to, new Set(without.flatMap(({ files }) => files.map(({ name }) => name))));
  throw new TenantsError(
    'UNKNOWN_MIGRATION',
    `There is no migration "${target.to}" ${without.map(({ label }) => label).join(', ')}.`,
    {
      suggestions: [
        ...didYouMean(near),
        'A migration is named by its file name without the extension, such as 0004_add_invoices.',
      ],
    },
  );
}
