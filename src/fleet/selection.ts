import type { Project } from '../project/project.js';
import { selectTenants, type TenantSelection } from '../registry/select.js';
import type { Tenant } from '../registry/types.js';
import type { Selection } from './types.js';

/** Chooses the tenants that a selection means; see `selectTenants`. */
export function chooseTenants(
  project: Project,
  selection: TenantSelection,
): (registered: readonly Tenant[]) => Tenant[] {
  const types = Object.keys(project.tenants.types ?? {});
  return (registered) => selectTenants(registered, selection, project.registry, types);
}

/**
 * The same without names that are no longer there: in the later rounds of a run tenants that were asked for by name may have
 * been deleted or renamed, which is no mistake of the caller's.
 */
export function chooseRemaining(
  project: Project,
  selection: TenantSelection,
): (registered: readonly Tenant[]) => Tenant[] {
  return (registered) => chooseTenants(project, selectionAmong(registered, selection))(registered);
}

/** The tenants that a selection of schemas means, in the registry's terms. */
export function selectionOf(selection: Selection): TenantSelection {
  return selection.kind === 'tenants' ? selection : {};
}

function selectionAmong(tenants: readonly Tenant[], selection: TenantSelection): TenantSelection {
  const { names, exclude, ...rest } = selection;
  const there = new Set(tenants.filter(({ status }) => status !== 'deleting').map(({ schema }) => schema));
  return {
    ...rest,
    ...(names === undefined ? {} : { names: names.filter((name) => there.has(name)) }),
    ...(exclude === undefined ? {} : { exclude: exclude.filter((name) => there.has(name)) }),
  };
}
