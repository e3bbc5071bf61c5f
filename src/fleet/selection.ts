import type { TenantSelection } from '../registry/select.js';
import type { Tenant } from '../registry/types.js';
import type { Selection } from './types.js';

/** The tenants that a selection of schemas means, in the registry's terms. */
export function selectionOf(selection: Selection): TenantSelection {
  return selection.kind === 'tenants' ? selection : {};
}

/**
 * The same without names that are no longer there: in the later rounds of a run tenants that were asked for by name may have
 * been deleted or renamed, which is no mistake of the caller's.
 */
export function selectionAmong(tenants: readonly Tenant[], selection: Selection): TenantSelection {
  const { names, exclude, ...rest } = selectionOf(selection);
  const there = new Set(tenants.filter(({ status }) => status !== 'deleting').map(({ schema }) => schema));
  return {
    ...rest,
    ...(names === undefined ? {} : { names: names.filter((name) => there.has(name)) }),
    ...(exclude === undefined ? {} : { exclude: exclude.filter((name) => there.has(name)) }),
  };
}
