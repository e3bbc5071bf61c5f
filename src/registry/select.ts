import { TenantsError } from '../errors/tenants-error.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { isPublicTenant } from './list.js';
import { type RegistryShape, STATUS } from './names.js';
import type { Tenant } from './types.js';

/** Which tenants are meant. What is left out means no restriction; an empty list of names or types means no tenant. */
export type TenantSelection = { names?: readonly string[]; exclude?: readonly string[]; types?: readonly string[] };

/**
 * The tenants that a fleet operation is about, in the order they came in. The public tenant, tenants that are being
 * deleted, and those whose status the configuration ignores are never among them.
 *
 * @param tenants the whole registry
 * @param configuredTypes types that are known although no tenant has them
 * @throws TenantsError UNKNOWN_TENANT or UNKNOWN_TYPE with all unknown names and the nearest known ones; USAGE when a tenant
 *   is named that no fleet operation touches.
 */
export function selectTenants(
  tenants: readonly Tenant[],
  selection: TenantSelection,
  shape: RegistryShape,
  configuredTypes: readonly string[] = [],
): Tenant[] {
  const fleet = tenants.filter((tenant) => !isPublicTenant(shape, tenant));
  assertKnownNames(fleet, selection, shape);
  assertKnownTypes(fleet, selection, configuredTypes);
  const names = selection.names && new Set(selection.names);
  const types = selection.types && new Set(selection.types);
  const exclude = new Set(selection.exclude);
  assertSelectable(fleet, names, shape);
  return fleet.filter(
    ({ schema, type, status }) =>
      status !== STATUS.deleting &&
      !isIgnored(shape, status) &&
      !exclude.has(schema) &&
      (names === undefined || names.has(schema)) &&
      (types === undefined || (type !== null && types.has(type))),
  );
}

function isIgnored({ ignoreStatuses = [] }: RegistryShape, status: string): boolean {
  return ignoreStatuses.includes(status);
}

function assertKnownNames(fleet: Tenant[], { names = [], exclude = [] }: TenantSelection, shape: RegistryShape): void {
  const known = new Set(fleet.map(({ schema }) => schema));
  const unknown = distinct([...names, ...exclude]).filter((name) => !known.has(name) && name !== shape.schema);
  if (unknown.length > 0) throw unknownNames('UNKNOWN_TENANT', 'tenant', unknown, known);
}

function assertKnownTypes(fleet: Tenant[], { types = [] }: TenantSelection, configured: readonly string[]): void {
  const known = new Set([...configured, ...fleet.flatMap(({ type }) => type ?? [])]);
  const unknown = distinct(types).filter((type) => !known.has(type));
  if (unknown.length > 0) throw unknownNames('UNKNOWN_TYPE', 'tenant type', unknown, known);
}

/** Leaving out in silence what was asked for by name would look like success. */
function assertSelectable(fleet: Tenant[], names: ReadonlySet<string> | undefined, shape: RegistryShape): void {
  if (names?.has(shape.schema)) {
    throw new TenantsError(
      'USAGE',
      `"${shape.schema}" is the shared schema: the public tenant has no schema and no tenant migrations.`,
      { suggestions: ['For the shared schema itself, migrate, rollback and plan have --shared.'] },
    );
  }
  const ignored = fleet.filter(({ schema, status }) => isIgnored(shape, status) && names?.has(schema));
  if (ignored.length > 0) {
    const list = ignored.map(({ schema, status }) => `"${schema}" (${status})`).join(', ');
    throw new TenantsError('USAGE', `registry.ignoreStatuses leaves these tenants out: ${list}.`, {
      suggestions: ['Change their status, or the configuration.'],
    });
  }
  const deleting = fleet.filter(({ schema, status }) => status === STATUS.deleting && names?.has(schema));
  if (deleting.length === 0) return;
  const list = deleting.map(({ schema }) => `"${schema}"`).join(', ');
  throw new TenantsError('USAGE', `These tenants are being deleted: ${list}.`, {
    suggestions: deleting.map(({ schema }) => `To finish a deletion, run: ${tenantsCommand('delete-tenant', schema)}`),
  });
}

function unknownNames(
  code: 'UNKNOWN_TENANT' | 'UNKNOWN_TYPE',
  word: string,
  unknown: string[],
  known: ReadonlySet<string>,
): TenantsError {
  const problems = unknown.map((name) =>
    [`There is no ${word} "${name}".`, ...didYouMean(nearestNames(name, known))].join(' '),
  );
  const message = unknown.length === 1 ? problems.join() : `There are no such ${word}s: ${unknown.join(', ')}.`;
  const suggestions = [
    known.size === 0 ? `There is no ${word} at all yet.` : `To see all tenants, run: ${tenantsCommand('list')}`,
  ];
  return new TenantsError(code, message, { ...(unknown.length > 1 ? { problems } : {}), suggestions });
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)];
}
