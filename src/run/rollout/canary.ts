import { TenantsError } from '../../errors/tenants-error.js';
import { shareOf } from '../../util/failure-budget.js';
import { didYouMean, nearestNames } from '../../util/nearest.js';

/** How many tenants of a cohort go first, alone: a number, a share of the cohort such as `5%`, or one tenant by its name. */
export type CanarySetting = number | string;

/** The name of the tenant that a setting chooses, if it chooses one. */
export function chosenCanary(setting: CanarySetting): string | undefined {
  return typeof setting === 'string' && shareOf(setting) === undefined ? setting : undefined;
}

/** How many tenants of a cohort with `members` go first. A share is at least one tenant. */
export function canaryCount(setting: CanarySetting, members: number): number {
  if (typeof setting === 'number') return setting;
  const share = shareOf(setting);
  return share === undefined ? 1 : Math.max(1, Math.ceil(members * share));
}

/** @throws TenantsError UNKNOWN_TENANT when the chosen canary is no tenant. */
export function assertCanaryKnown(setting: CanarySetting, names: readonly string[]): void {
  const chosen = chosenCanary(setting);
  if (chosen === undefined || names.includes(chosen)) return;
  throw new TenantsError('UNKNOWN_TENANT', `There is no tenant "${chosen}" to be the canary.`, {
    tenant: chosen,
    suggestions: didYouMean(nearestNames(chosen, names)),
  });
}
