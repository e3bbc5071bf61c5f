import { TenantsError } from '../errors/tenants-error.js';

/** A name that the registry does not have, or not for use at this moment. */
export function unknownTenant(schemaName: string): TenantsError {
  return new TenantsError('UNKNOWN_TENANT', `The tenant "${schemaName}" does not exist or is not active.`, {
    tenant: schemaName,
    suggestions: ['It may not exist, or is just being created or deleted.'],
  });
}

/** A tenant without its schema: statements would fall through to the shared one. */
export function schemaGone(schemaName: string): TenantsError {
  return new TenantsError('UNKNOWN_TENANT', `The schema "${schemaName}" does not exist, or this user may not use it.`, {
    tenant: schemaName,
    suggestions: [`If it does exist: GRANT USAGE ON SCHEMA to the application's database user.`],
  });
}
