import type { Client } from 'pg';

import { readShared } from '../../fleet/read-shared.js';
import { assertSharedCurrent, compareShared } from '../../fleet/shared-schema.js';
import type { Project } from '../../project/project.js';
import { assertAvailable } from '../../registry/availability.js';
import { findTenant } from '../../registry/list.js';
import { hasDomains } from '../../registry/public-tenant.js';
import { registrationFailure } from '../../registry/registration-failure.js';
import { type NewTenant, registrationStatements } from '../../registry/registration.js';
import { enterRows, pathOfRows } from '../../row-tables/row-scope.js';
import { callInChange } from '../call-hooks.js';
import { changeTenant } from '../change-transaction.js';
import type { CreateTenantOptions } from '../create-types.js';
import { creationHooks } from '../new-tenant/plan.js';
import { recorded } from '../record.js';
import { writeRegistry } from '../write-registry.js';

/**
 * Registers a tenant whose rows are in shared tables, and records that.
 *
 * @throws TenantsError as `createTenant`.
 */
export async function createRowTenant(
  client: Client,
  project: Project,
  registration: NewTenant,
  options: CreateTenantOptions,
): Promise<void> {
  await assertAvailable(client, project.registry, { ...registration, adopt: false });
  assertSharedCurrent(compareShared(await readShared(client, project), project.checkOrder), 'new tenant');
  const tenant = registration.schema;
  const record = { command: 'create-tenant', tenant, migrations: () => [], options } as const;
  await recorded(project, client, record, () => registerRowTenant(client, project, registration, options));
}

/**
 * The row of such a tenant, its domains and its hooks, in one transaction. The hooks see the shared tables, and of their rows those
 * of the tenant.
 *
 * @throws TenantsError as `createTenant`.
 */
export async function registerRowTenant(
  client: Client,
  project: Project,
  registration: NewTenant,
  options: Pick<CreateTenantOptions, 'hooks' | 'cancel'>,
): Promise<void> {
  const { registry } = project;
  const { schema, domains } = registration;
  const hooks = creationHooks(project, registration, options);
  const hook = { tenant: schema, path: pathOfRows(project), watched: false, cancel: options.cancel };
  const change = {
    locks: [schema],
    purpose: `create-tenant ${schema}`,
    tenant: schema,
    undone: `The tenant "${schema}" was not created`,
    cancel: options.cancel,
    isDone: async (other: Client) => {
      const found = await findTenant(other, registry, schema);
      return found !== undefined && hasDomains(found, domains);
    },
    work: async () => {
      await callInChange(client, project, { ...hook, calls: hooks.before });
      await writeRegistry(client, project, registrationStatements(registry, registration));
      if (hooks.after.length === 0) return;
      await enterRows(client, registry, schema);
      await callInChange(client, project, { ...hook, calls: hooks.after });
    },
  };
  await changeTenant(project, client, change).catch(async (error: unknown) => {
    const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const explained = await registrationFailure(client, registry, { ...registration, adopt: false }, reason);
    throw explained === reason ? error : explained;
  });
}
