import { TenantsError } from '../errors/tenants-error.js';
import type { SurveyedFleet } from '../fleet/read-fleet.js';
import { selectionOf } from '../fleet/selection.js';
import type { Selection, Target } from '../fleet/types.js';
import type { Project } from '../project/project.js';
import { areExactNames, selectTenants } from '../registry/select.js';
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

/** Whether a selection means everybody, as far as it says so itself. Pure. */
export function isWholeFleet({ selection }: { selection: Selection }): boolean {
  if (selection.kind !== 'tenants') return selection.kind === 'all';
  const { names, types, where } = selection;
  const everyName = names === undefined || names.some((name) => /^\*+$/.test(name));
  return everyName && types === undefined && where === undefined;
}

/**
 * Refuses patterns and a condition that turn out to mean the whole fleet, which nobody has confirmed. The names of all tenants,
 * one by one, and a fleet of one are what was asked for.
 *
 * @throws TenantsError USAGE.
 */
export function assertNotWholeFleet(
  { registry }: Pick<Project, 'registry'>,
  { registered, cohorts }: Pick<SurveyedFleet, 'registered' | 'cohorts'>,
  selection: Selection,
): void {
  const { names, where, exclude = [] } = selectionOf(selection);
  if (where === undefined && (names === undefined || areExactNames(registered, names))) return;
  const chosen = cohorts.reduce((sum, { members }) => sum + members.length, 0);
  const everybody = selectTenants(registered, { exclude }, registry).length;
  if (chosen > 1 && chosen === everybody) throw wholeFleetUnconfirmed();
}

export function wholeFleetUnconfirmed(): TenantsError {
  return new TenantsError('USAGE', 'This would roll back the whole fleet, and that was not confirmed.', {
    suggestions: [
      'If that is intended, add --confirm all.',
      'To roll back some tenants, say --tenant NAME, --type T or --where SQL.',
    ],
  });
}
