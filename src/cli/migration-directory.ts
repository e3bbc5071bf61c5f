import type { LoadedProject } from '../config/loaded-project.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { OtherFormat } from '../project/formats.js';
import { didYouMean, nearestNames } from '../util/nearest.js';

/**
 * The directory for a new migration. Pure.
 *
 * @throws TenantsError USAGE, or UNKNOWN_TYPE with the known types.
 */
export function migrationDirectory(
  { shared, tenants }: Pick<LoadedProject, 'shared' | 'tenants'>,
  flags: { shared?: boolean | undefined; type?: string | undefined },
): string {
  const { type } = flags;
  if (flags.shared && type !== undefined) {
    throw new TenantsError('USAGE', '--shared and --type cannot be combined: only tenants have types.');
  }
  if (flags.shared) return shared.migrations;
  if (type === undefined) return tenants.migrations;
  const types = new Map(Object.entries(tenants.types ?? {}));
  const directory = types.get(type);
  if (directory !== undefined) return directory;
  throw new TenantsError('UNKNOWN_TYPE', `There is no tenant type "${type}" in the configuration.`, {
    suggestions: [
      ...didYouMean(nearestNames(type, types.keys())),
      types.size === 0 ? 'The configuration has no tenants.types.' : `The types are ${[...types.keys()].join(', ')}.`,
    ],
  });
}

/** The format of that directory; `undefined` for node-pg-migrate's own. */
export function migrationFormat(
  { shared, tenants }: Pick<LoadedProject, 'shared' | 'tenants'>,
  flags: { shared?: boolean | undefined; type?: string | undefined },
): OtherFormat | undefined {
  const { typeFormats = {} } = tenants;
  const own = flags.type !== undefined && Object.hasOwn(typeFormats, flags.type) ? typeFormats[flags.type] : undefined;
  const format = flags.shared ? shared.format : (own ?? tenants.format);
  return format === 'node-pg-migrate' ? undefined : format;
}
