import { randomBytes } from 'node:crypto';

import { withClient } from '../db/connect.js';
import { quoteIdentifier } from '../db/identifiers.js';
import { isTenantsError } from '../errors/tenants-error.js';
import { createTenant } from '../lifecycle/create-tenant.js';
import type { CreateTenantOptions } from '../lifecycle/create-types.js';
import { deleteTenant } from '../lifecycle/delete-tenant.js';
import type { Project } from '../project/project.js';

export type TestTenantOptions = Pick<CreateTenantOptions, 'type' | 'set' | 'label'> & {
  /** Begins the schema's name, and that of its domain; default `test`. */
  prefix?: string;
};

/** A tenant of one test: registered, with a schema of its own and all migrations. */
export type TestTenant = {
  schemaName: string;
  /** Leads to it: `<schemaName>.test`, with hyphens. */
  domain: string;
  /** Removes schema, domain and registration; a second call does nothing. */
  remove(): Promise<void>;
  /** The same, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>;
};

/**
 * Makes a tenant that nobody else has, so that tests can run side by side in one database. The project's hooks are called
 * when it is made and when it is removed, as by `createTenant` and `deleteTenant`.
 *
 * @param project what `openProject` returns; the shared schema must be migrated
 * @throws TenantsError as `createTenant`; from `remove` as `deleteTenant`
 */
export async function createTestTenant(project: Project, options: TestTenantOptions = {}): Promise<TestTenant> {
  const { prefix = 'test', ...rest } = options;
  const schema = `${prefix}_${randomBytes(6).toString('hex')}`;
  const domain = `${schema.replaceAll('_', '-')}.test`;
  await createTenant(project, { ...rest, schema, domains: [domain] });
  let removed: Promise<void> | undefined;
  const removeOnce = (): Promise<void> => (removed ??= removeTenant(project, schema));
  return { schemaName: schema, domain, remove: removeOnce, [Symbol.asyncDispose]: removeOnce };
}

/** Makes a tenant, hands it to a test, and removes it whatever becomes of the test. */
export async function withTestTenant<R>(
  project: Project,
  test: (tenant: TestTenant) => Promise<R>,
  options?: TestTenantOptions,
): Promise<R> {
  const tenant = await createTestTenant(project, options);
  try {
    return await test(tenant);
  } finally {
    await tenant.remove();
  }
}

/** Whatever the test did to it, such as deleting it itself. */
async function removeTenant(project: Project, schema: string): Promise<void> {
  try {
    await deleteTenant(project, { schema });
  } catch (error) {
    if (!isTenantsError(error) || error.code !== 'UNKNOWN_TENANT') throw error;
    await withClient(project.database, 'test tenant', (client) =>
      client.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE`),
    );
  }
}
