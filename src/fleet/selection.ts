import type { Client } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { isRowTenant } from '../registry/list.js';
import { isPattern, patternMatcher } from '../registry/name-patterns.js';
import { isRestricted, selectTenants, type TenantSelection } from '../registry/select.js';
import type { Tenant } from '../registry/types.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { readMatching } from './matching-tenants.js';
import type { Selection } from './types.js';

/** Chooses among the rows of the registry. The client evaluates a condition on the tenant table. */
export type Choose = (registered: readonly Tenant[], client: Client) => Promise<readonly Tenant[]>;

/**
 * Chooses the tenants that a selection means.
 *
 * @param may.none a selection that leaves no tenant is no mistake
 * @throws TenantsError as `selectTenants`; NOTHING_SELECTED when a selection leaves no tenant; USAGE for a condition that
 *   cannot be evaluated.
 */
export function chooseTenants(project: Project, selection: TenantSelection, may: { none?: boolean } = {}): Choose {
  return async (registered, client) => {
    const matching = await matchingTenants(client, project, selection, registered);
    const chosen = selectTenants(registered, selection, project.registry, { types: typesOf(project), matching });
    if (chosen.length === 0 && isRestricted(selection) && may.none !== true) throw nothingSelected();
    return chosen;
  };
}

/** The tenants that a selection means, and the shared schema before them if it is wanted too. */
export type SchemaSelection = TenantSelection & {
  /** Also the shared schema. */
  shared?: boolean;
};

/** A place in which something is to be done: a schema, or the rows of a tenant that has none. */
export type ChosenSchema = Pick<Tenant, 'schema'> & { rows?: true };

/**
 * Chooses the schemas in which something is to be done.
 *
 * @throws TenantsError as `chooseTenants`; the shared schema alone is no empty selection.
 */
export function chooseSchemas(
  project: Project,
  { shared = false, ...selection }: SchemaSelection,
): (registered: readonly Tenant[], client: Client) => Promise<ChosenSchema[]> {
  const choose = chooseTenants(project, selection, { none: shared });
  return async (registered, client) => {
    const chosen = (await choose(registered, client)).map((tenant) => ({
      schema: tenant.schema,
      ...(isRowTenant(project.registry, tenant) ? { rows: true as const } : {}),
    }));
    return shared ? [{ schema: project.shared.schema }, ...chosen] : chosen;
  };
}

/**
 * The same without names that are no longer there: in the later rounds of a run tenants that were asked for by name may have
 * been deleted or renamed, which is no mistake of the caller's.
 *
 * @param kept tenants of the run that a condition on the tenant table no longer takes away
 */
export function chooseRemaining(project: Project, selection: TenantSelection, kept: ReadonlySet<string>): Choose {
  return async (registered, client) => {
    const matching = await matchingTenants(client, project, selection, registered);
    const remaining = selectionAmong(registered, selection);
    return selectTenants(registered, remaining, project.registry, {
      types: typesOf(project),
      matching: matching && new Set([...matching, ...kept]),
    });
  };
}

/** The tenants that a selection of schemas means, in the registry's terms. */
export function selectionOf(selection: Selection): TenantSelection {
  return selection.kind === 'tenants' ? selection : {};
}

async function matchingTenants(
  client: Client,
  project: Project,
  { where }: TenantSelection,
  registered: readonly Tenant[],
): Promise<Set<string> | undefined> {
  if (where === undefined) return undefined;
  // In an empty database there is no tenant table to look at.
  return registered.length === 0 ? new Set() : await readMatching(client, project, where);
}

/** The values of the type column that the configuration knows. */
export function typesOf({ tenants, registry }: Project): string[] {
  return [...Object.keys(tenants.types ?? {}), ...(registry.rows?.types ?? [])];
}

/** The error for a selection that leaves no tenant. */
export function nothingSelected(): TenantsError {
  return new TenantsError('NOTHING_SELECTED', 'The selection leaves no tenant.', {
    suggestions: [`To see all tenants with their types, run: ${tenantsCommand('list')}`],
  });
}

function selectionAmong(tenants: readonly Tenant[], selection: TenantSelection): TenantSelection {
  const { names, exclude, ...rest } = selection;
  const there = new Set(tenants.filter(({ status }) => status !== 'deleting').map(({ schema }) => schema));
  const remains = (name: string): boolean =>
    there.has(name) || (isPattern(name) && [...there].some(patternMatcher(name)));
  return {
    ...rest,
    ...(names === undefined ? {} : { names: names.filter(remains) }),
    ...(exclude === undefined ? {} : { exclude: exclude.filter(remains) }),
  };
}
