import type { Client } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import type { NewTenant } from '../registry/registration.js';
import type { CreateTenantOptions } from './create-types.js';
import { creationHooks, planNewTenant } from './plan-new-tenant.js';
import { claimSchema, findReady } from './pool/claim.js';
import { provision } from './provision.js';
import { newChecksums, recorded } from './record.js';

type Work = {
  registration: NewTenant;
  /** The tenant is registered already: a killed process left it in the state `provisioning`. */
  leftover: boolean;
  options: CreateTenantOptions;
};

/**
 * Registers a tenant and makes its schema, in the quickest way there is, and records that.
 *
 * @returns the names of its migrations
 * @throws TenantsError as `createTenant`.
 */
export async function createSchema(client: Client, project: Project, work: Work): Promise<string[]> {
  return (await takeFromPool(client, project, work)) ?? (await replay(client, project, work));
}

/** Registers a schema that was made ahead; `undefined` if there is none, or the tenant is to have another one. */
async function takeFromPool(
  client: Client,
  project: Project,
  { registration, leftover, options }: Work,
): Promise<string[] | undefined> {
  if (leftover || options.adopt === true || options.noMigrate === true) return undefined;
  const ready = await findReady(client, project, registration.type, project.hooks);
  if (ready === undefined) return undefined;
  const taken = new TenantsError('USAGE', 'Other new tenants have taken all schemas that were made ahead.');
  const record = { ...recordOf(registration, options), migrations: (applied: string[]) => applied };
  options.onEvent?.({ type: 'phase', phase: 'tenants', total: 1 });
  try {
    return await recorded(project, client, record, async () => {
      const claimed = await claimSchema(client, project, ready, { registration, options });
      if (claimed === undefined) throw taken;
      return claimed;
    });
  } catch (error) {
    if (error === taken) return undefined;
    throw error;
  }
}

/** Creates the schema and applies all migrations. */
async function replay(client: Client, project: Project, { registration, leftover, options }: Work): Promise<string[]> {
  options.onEvent?.({ type: 'phase', phase: 'compile' });
  const { plan, place, files } = await planNewTenant(client, project, registration, options);
  options.onEvent?.({ type: 'phase', phase: 'tenants', total: 1 });
  const hooks = creationHooks(project, registration, options);
  const record = {
    ...recordOf(registration, options),
    checksums: await newChecksums(client, project, plan, files),
    migrations: (applied: string[]) => applied,
  };
  return await recorded(project, client, record, () =>
    provision(client, project, { registration, plan, place, files, leftover, options, hooks }),
  );
}

function recordOf({ schema }: NewTenant, options: CreateTenantOptions) {
  return { command: 'create-tenant', tenant: schema, options } as const;
}
