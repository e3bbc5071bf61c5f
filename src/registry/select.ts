import { TenantsError } from '../errors/tenants-error.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { isPublicTenant } from './list.js';
import { isPattern, patternMatcher } from './name-patterns.js';
import { type RegistryShape, STATUS } from './names.js';
import type { Tenant } from './types.js';

/** Which tenants are meant. What is left out means no restriction; an empty list of names or types means no tenant. */
export type TenantSelection = {
  /** Schema names, or patterns with `*` and `?`. An exact name always wins over a pattern. */
  names?: readonly string[];
  /** Tenants to leave out, by name or pattern. */
  exclude?: readonly string[];
  types?: readonly string[];
  /** A condition on the tenant table, one SQL expression: `plan = 'pro'`. It is evaluated read-only, under an empty search path. */
  where?: string;
};

/**
 * The tenants that a fleet operation is about, in the order they came in. The public tenant, tenants that are being
 * deleted, and those whose status the configuration ignores are never among them.
 *
 * @param tenants the whole registry
 * @param known.types types that are known although no tenant has them
 * @param known.matching names of the tenants that `where` is true for
 * @throws TenantsError UNKNOWN_TENANT or UNKNOWN_TYPE with all unknown names and the nearest known ones; USAGE when a tenant
 *   is named that no fleet operation touches.
 */
export function selectTenants(
  tenants: readonly Tenant[],
  selection: TenantSelection,
  shape: RegistryShape,
  known: { types?: readonly string[]; matching?: ReadonlySet<string> | undefined } = {},
): Tenant[] {
  const fleet = tenants.filter((tenant) => !isPublicTenant(shape, tenant));
  const selectable = fleet.filter(({ status }) => status !== STATUS.deleting && !isIgnored(shape, status));
  assertKnownNames(fleet, selectable, selection, shape);
  assertKnownTypes(fleet, selection, known.types ?? []);
  const isNamed = selection.names && nameMatcher(fleet, selection.names);
  const isExcluded = nameMatcher(fleet, selection.exclude ?? []);
  const types = selection.types && new Set(selection.types);
  assertSelectable(fleet, selection.names && new Set(selection.names), shape);
  return selectable.filter(
    ({ schema, type }) =>
      !isExcluded(schema) &&
      (isNamed === undefined || isNamed(schema)) &&
      (types === undefined || (type !== null && types.has(type))) &&
      (known.matching === undefined || known.matching.has(schema)),
  );
}

/**
 * The rows of the registry that a selection describes, whatever their state; the public tenant included.
 *
 * @param selection.statuses only rows of these states
 * @throws TenantsError as `selectTenants` for unknown names and types; USAGE for a status that no row has.
 */
export function filterTenants<T extends Tenant>(
  tenants: readonly T[],
  selection: Omit<TenantSelection, 'where'> & { statuses?: readonly string[] },
  known: { types?: readonly string[]; matching?: ReadonlySet<string> | undefined } = {},
): T[] {
  assertKnownNames(tenants, tenants, selection);
  assertKnownTypes(tenants, selection, known.types ?? []);
  assertKnownStatuses(tenants, selection.statuses ?? []);
  const isNamed = selection.names && nameMatcher(tenants, selection.names);
  const isExcluded = nameMatcher(tenants, selection.exclude ?? []);
  const types = selection.types && new Set(selection.types);
  const statuses = selection.statuses && new Set<string>(selection.statuses);
  return tenants.filter(
    ({ schema, type, status }) =>
      !isExcluded(schema) &&
      (isNamed === undefined || isNamed(schema)) &&
      (types === undefined || (type !== null && types.has(type))) &&
      (statuses === undefined || statuses.has(status)) &&
      (known.matching === undefined || known.matching.has(schema)),
  );
}

/** Whether anything is asked for that could leave tenants out. Pure. */
export function isRestricted({ names, exclude, types, where }: TenantSelection): boolean {
  return [names, exclude, types, where].some((restriction) => restriction !== undefined);
}

/** Whether names say who is meant, and not patterns. Pure. */
export function areExactNames(tenants: readonly Pick<Tenant, 'schema'>[], names: readonly string[]): boolean {
  return names.every((name) => !isPattern(name) || tenants.some(({ schema }) => schema === name));
}

function isIgnored({ ignoreStatuses = [] }: RegistryShape, status: string): boolean {
  return ignoreStatuses.includes(status);
}

/** Whether a tenant is one of those that names and patterns stand for. A pattern that is a tenant's name means that tenant. Pure. */
export function nameMatcher(fleet: readonly Tenant[], names: readonly string[]): (schema: string) => boolean {
  const exact = new Set(names);
  const patterns = patternsAmong(fleet, names).map(patternMatcher);
  return (schema) => exact.has(schema) || patterns.some((matches) => matches(schema));
}

function patternsAmong(fleet: readonly Tenant[], names: readonly string[]): string[] {
  const known = new Set(fleet.map(({ schema }) => schema));
  return names.filter((name) => isPattern(name) && !known.has(name));
}

/** To exclude by a pattern that matches no tenant is no mistake. */
function assertKnownNames(
  fleet: readonly Tenant[],
  selectable: readonly Tenant[],
  { names = [], exclude = [] }: TenantSelection,
  shape?: RegistryShape,
): void {
  const known = new Set(fleet.map(({ schema }) => schema));
  const unmatched = patternsAmong(fleet, names).filter((pattern) => {
    const matches = patternMatcher(pattern);
    return !selectable.some(({ schema }) => matches(schema));
  });
  const unknown = distinct([...names, ...exclude]).filter(
    (name) => unmatched.includes(name) || (!isPattern(name) && !known.has(name) && name !== shape?.schema),
  );
  if (unknown.length > 0) throw unknownNames('UNKNOWN_TENANT', 'tenant', unknown, known);
}

function assertKnownTypes(
  fleet: readonly Tenant[],
  { types = [] }: TenantSelection,
  configured: readonly string[],
): void {
  const known = new Set([...configured, ...fleet.flatMap(({ type }) => type ?? [])]);
  const unknown = distinct(types).filter((type) => !known.has(type));
  if (unknown.length > 0) throw unknownNames('UNKNOWN_TYPE', 'tenant type', unknown, known);
}

/** A misspelled status would look like a fleet without such tenants. */
function assertKnownStatuses(tenants: readonly Tenant[], statuses: readonly string[]): void {
  const known = new Set<string>([...Object.values(STATUS), ...tenants.map(({ status }) => status)]);
  const unknown = distinct(statuses).filter((status) => !known.has(status));
  if (unknown.length === 0) return;
  const near = unknown.flatMap((status) => nearestNames(status, known));
  throw new TenantsError('USAGE', `No tenant has the status ${unknown.map((status) => `"${status}"`).join(', ')}.`, {
    suggestions: [...didYouMean(distinct(near)), `The statuses are ${[...known].join(', ')}.`],
  });
}

/** Leaving out in silence what was asked for by name would look like success. */
function assertSelectable(fleet: Tenant[], names: ReadonlySet<string> | undefined, shape: RegistryShape): void {
  if (names?.has(shape.schema)) {
    throw new TenantsError(
      'USAGE',
      `"${shape.schema}" is the shared schema: the public tenant has no schema and no tenant migrations.`,
      {
        suggestions: [
          'For the shared schema itself, migrate, rollback and plan have --shared; query and exec include it with --shared.',
        ],
      },
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
    isPattern(name)
      ? `No ${word} matches "${name}".`
      : [`There is no ${word} "${name}".`, ...didYouMean(nearestNames(name, known))].join(' '),
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
