import { assertNewSchemaName } from '../db/schema-name.js';
import { TenantsError } from '../errors/tenants-error.js';
import { typesOf } from '../fleet/selection.js';
import type { Project } from '../project/project.js';
import { parseDomain } from '../registry/domain-name.js';
import { STATUS } from '../registry/names.js';
import type { NewTenant } from '../registry/registration.js';
import type { CreateTenantOptions } from './create-types.js';

/**
 * The row and the domains that a new tenant asks for, with all names checked.
 *
 * @throws TenantsError INVALID_NAME, INVALID_DOMAIN, UNKNOWN_TYPE.
 */
export function registrationOf(project: Project, options: CreateTenantOptions): NewTenant {
  const { schema, type = null } = options;
  if (schema !== project.shared.schema && options.adopt !== true) assertNewSchemaName(schema);
  assertKnownType(project, type);
  return {
    schema,
    name: options.label ?? null,
    type,
    status: STATUS.active,
    extra: options.set ?? {},
    domains: (options.domains ?? []).map((domain, index) => ({ domain: parseDomain(domain), primary: index === 0 })),
  };
}

/** @throws TenantsError UNKNOWN_TYPE with the types there are. */
export function assertKnownType(project: Project, type: string | null): void {
  const known = typesOf(project);
  if (type === null || known.includes(type)) return;
  throw new TenantsError('UNKNOWN_TYPE', `There is no tenant type "${type}" in the configuration.`, {
    suggestions: [
      known.length === 0 ? 'The configuration has no tenants.types.' : `The types are ${known.join(', ')}.`,
    ],
  });
}
