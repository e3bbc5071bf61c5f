import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';

/**
 * Refuses a tenant among the schemas that all tenants' search paths have: the others would read and change its tables. And one
 * that has the name of the journal's schema.
 *
 * @param schemas names of tenants, of those that are registered and of those that are about to be
 * @throws TenantsError CONFIG_INVALID
 */
export function assertExtraSearchPath({ tenants, shared, journal }: Project, schemas: readonly string[]): void {
  if (journal !== false && schemas.includes(journal.schema)) {
    throw new TenantsError(
      'CONFIG_INVALID',
      `The schema "${journal.schema}" is the journal's, and cannot be a tenant's.`,
      {
        suggestions: [
          `Name another schema in the configuration, journal: { schema: '…' }, or choose another name for the tenant.`,
        ],
      },
    );
  }
  const extra = new Set(tenants.extraSearchPath.filter((schema) => schema !== shared.schema));
  const found = schemas.filter((schema) => extra.has(schema));
  if (found.length === 0) return;
  const names = found.map((schema) => `"${schema}"`).join(', ');
  throw new TenantsError(
    'CONFIG_INVALID',
    `tenants.extraSearchPath may not name a tenant, and ${names} ${found.length === 1 ? 'is one' : 'are tenants'}.`,
    { suggestions: ['Move what all tenants use to the shared schema, or to a schema that belongs to no tenant.'] },
  );
}
