import type { Client } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import type { NewTenant } from '../registry/registration.js';
import type { CreateTenantOptions } from './create-types.js';
import { leftOutMessage, type NewTenantFiles, newTenantFiles } from './new-tenant/files.js';
import { creationHooks, planNewTenant, type PlannedTenant } from './new-tenant/plan.js';
import { claimSchema, findReady } from './pool/claim.js';
import { provision } from './provision.js';
import { newChecksums, recorded } from './record.js';
import { isSnapshotFailure, notUsed, startFromSnapshot } from './snapshot/start.js';

type Work = {
  registration: NewTenant;
  /** The tenant is registered already: a killed process left it in the state `provisioning`. */
  leftover: boolean;
  options: CreateTenantOptions;
  /** `server_version_num` */
  version: number;
};

/**
 * Registers a tenant and makes its schema, in the quickest way there is, and records that.
 *
 * @returns the names of its migrations
 * @throws TenantsError as `createTenant`.
 */
export async function createSchema(client: Client, project: Project, work: Work): Promise<string[]> {
  const { registration, options } = work;
  const given = await newTenantFiles(client, project, registration.type, options.phase);
  const leftOut = options.noMigrate === true ? undefined : leftOutMessage(given);
  if (leftOut !== undefined) options.onEvent?.({ type: 'warning', message: leftOut });
  const all = { ...work, given };
  return (await takeFromPool(client, project, all)) ?? (await build(client, project, all));
}

/** Registers a schema that was made ahead; `undefined` if there is none, or the tenant is to have another one. */
async function takeFromPool(
  client: Client,
  project: Project,
  { registration, leftover, options, given }: Work & { given: NewTenantFiles },
): Promise<string[] | undefined> {
  // The schemas of the pool are on the coordinator.
  if (leftover || options.adopt === true || options.noMigrate === true || isDistributing(project)) return undefined;
  const ready = await findReady(client, project, registration.type, project.hooks, given);
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

/** Creates the schema and applies all migrations, or those that came after a snapshot. */
async function build(client: Client, project: Project, work: Work & { given: NewTenantFiles }): Promise<string[]> {
  const { registration, leftover, options, version, given } = work;
  options.onEvent?.({ type: 'phase', phase: 'compile' });
  const replayed = (): Promise<PlannedTenant> => planNewTenant(client, project, registration, { ...options, given });
  const usable = !leftover && options.adopt !== true && options.noMigrate !== true && !isDistributing(project);
  const start = usable
    ? await startFromSnapshot(client, project, { ...registration, version, given }, options)
    : undefined;
  const planned = start ?? (await replayed());
  options.onEvent?.({ type: 'phase', phase: 'tenants', total: 1 });
  const hooks = creationHooks(project, registration, options);
  const record = {
    ...recordOf(registration, options),
    checksums: await newChecksums(client, project, planned.plan, planned.files, start?.covered),
    migrations: (applied: string[]) => applied,
  };
  const made = { registration, leftover, options, hooks };
  return await recorded(project, client, record, async () => {
    try {
      return await provision(client, project, { ...made, ...planned });
    } catch (error) {
      if (start === undefined || !isSnapshotFailure(error, start)) throw error;
      options.onEvent?.({ type: 'warning', message: notUsed(`it failed: ${(error as Error).message}`) });
      return await provision(client, project, { ...made, ...(await replayed()) });
    }
  });
}

/** What a snapshot has is made in an order that Citus does not know how to pass on. */
function isDistributing({ tenants }: Project): boolean {
  return tenants.distribute === true;
}

function recordOf({ schema }: NewTenant, options: CreateTenantOptions) {
  return { command: 'create-tenant', tenant: schema, options } as const;
}
