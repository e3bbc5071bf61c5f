import type { Client } from 'pg';

import { arrayLiteral, qualified, quoteIdentifier } from '../../db/identifiers.js';
import { tenantLock } from '../../db/locks.js';
import { APPLIED_SQL } from '../../engine/bookkeeping.js';
import type { HookCall } from '../../engine/hooks/migrate-hooks.js';
import { HookError } from '../../engine/hooks/run-hook.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { Project } from '../../project/project.js';
import { findTenant } from '../../registry/list.js';
import { registrationFailure } from '../../registry/registration-failure.js';
import { type NewTenant, registrationStatements } from '../../registry/registration.js';
import { callInChange } from '../call-hooks.js';
import { asOwner, changeTenant } from '../change-transaction.js';
import type { CreateTenantOptions } from '../create-types.js';
import { filesDigest } from '../files-digest.js';
import { rewriteFunctionPaths } from '../mentions/function-paths.js';
import type { NewTenantFiles } from '../new-tenant/files.js';
import { creationHooks } from '../new-tenant/plan.js';
import { writeRegistry } from '../write-registry.js';
import { readPool } from './mark.js';

/** Schemas that a new tenant can have, and the migrations that are applied in them. */
export type ReadySchemas = { schemas: string[]; migrations: string[] };

/**
 * The schemas of the pool that are up to date for a type; `undefined` where there is none, or a hook has to be called before the
 * migrations.
 */
export async function findReady(
  client: Client,
  project: Project,
  type: string | null,
  hooks: Project['hooks'],
  { files }: Pick<NewTenantFiles, 'files'>,
): Promise<ReadySchemas | undefined> {
  if (hooks?.beforeMigrate !== undefined) return undefined;
  const pool = (await readPool(client, project)).filter(({ mark }) => mark.type === type && mark.files !== null);
  if (pool.length === 0) return undefined;
  const digest = await filesDigest(project, files);
  const schemas = pool.filter(({ mark }) => mark.files === digest).map(({ schema }) => schema);
  return schemas.length === 0 ? undefined : { schemas, migrations: files.map(({ name }) => name) };
}

/**
 * Makes a schema of the pool a tenant: it is renamed in the transaction that writes the row and the domains. Two claims never get
 * the same one, and none is claimed while it is migrated: all of that takes the lock of its name.
 *
 * @returns the names of its migrations; `undefined` when others had taken all of them
 * @throws TenantsError as `createTenant`.
 */
export async function claimSchema(
  client: Client,
  project: Project,
  ready: ReadySchemas,
  { registration, options }: { registration: NewTenant; options: CreateTenantOptions },
): Promise<string[] | undefined> {
  const { schema } = registration;
  const { registry } = project;
  const change = {
    locks: [schema],
    purpose: `create-tenant ${schema}`,
    tenant: schema,
    undone: `The tenant "${schema}" was not created`,
    work: async () => {
      const from = await lockOne(client, project, ready);
      if (from === undefined) return undefined;
      await claim(client, project, from, ready.migrations, { registration, options });
      return ready.migrations;
    },
    isDone: async (other: Client) => (await findTenant(other, registry, schema)) !== undefined,
    cancel: options.cancel,
  };
  return await changeTenant(project, client, change).catch(async (error: unknown) => {
    if (error instanceof HookError) throw error;
    const reason = error instanceof TenantsError ? error.cause : error;
    const explained = await registrationFailure(client, registry, { ...registration, adopt: false }, reason);
    throw explained instanceof TenantsError ? explained : error;
  });
}

/** Locks a schema that nobody is at work on, and looks again at what it is: it was found before it was locked. */
async function lockOne(client: Client, project: Project, ready: ReadySchemas): Promise<string | undefined> {
  const { rows } = await client.query<{ schema: string }>(
    // Materialized, so that the rows are gone through one by one and no more than one lock is taken.
    `WITH there AS MATERIALIZED (SELECT p.schema, p.key FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS p (schema, key, n)
       WHERE EXISTS (SELECT FROM pg_namespace s WHERE s.nspname::text = p.schema) ORDER BY p.n)
     SELECT schema FROM there WHERE pg_try_advisory_xact_lock(key) LIMIT 1`,
    [arrayLiteral(ready.schemas), `{${ready.schemas.map((name) => tenantLock(name)).join(',')}}`],
  );
  const [chosen] = rows;
  if (chosen === undefined) return undefined;
  const rest = { ...ready, schemas: ready.schemas.filter((name) => name !== chosen.schema) };
  return (await isReady(client, project, chosen.schema, ready)) ? chosen.schema : await lockOne(client, project, rest);
}

async function isReady(client: Client, project: Project, schema: string, ready: ReadySchemas): Promise<boolean> {
  const now = await readPool(client, project);
  if (!now.some((one) => one.schema === schema && one.mark.files !== null)) return false;
  const { rows } = await client.query<{ same: boolean }>(
    `SELECT ${APPLIED_SQL} = $1::text[] AS same FROM ${qualified(schema, project.migrationsTable)}`,
    [arrayLiteral(ready.migrations)],
  );
  return rows[0]?.same === true;
}

async function claim(
  client: Client,
  project: Project,
  from: string,
  migrations: readonly string[],
  { registration, options }: { registration: NewTenant; options: CreateTenantOptions },
): Promise<void> {
  const { schema, type } = registration;
  const shared = [project.shared.schema, ...project.tenants.extraSearchPath];
  const hooks = creationHooks(project, registration, options);
  const call = { tenant: schema, cancel: options.cancel };
  await callInChange(client, project, { ...call, calls: hooks.before, path: shared, watched: false });
  await writeRegistry(client, project, registrationStatements(project.registry, registration));
  await asOwner(client, project.role, async () => {
    const name = quoteIdentifier(schema);
    await client.query(`ALTER SCHEMA ${quoteIdentifier(from)} RENAME TO ${name}; COMMENT ON SCHEMA ${name} IS NULL`);
    await rewriteFunctionPaths(client, { from, to: schema, within: schema });
  });
  const { afterMigrate } = project.hooks ?? {};
  const told = { tenant: schema, type, direction: 'up' as const };
  const migrated: HookCall[] =
    afterMigrate === undefined || migrations.length === 0
      ? []
      : [
          {
            name: 'afterMigrate',
            call: (lent) => afterMigrate({ ...told, migrations: [...migrations], client: lent }),
          },
        ];
  const calls = [...migrated, ...hooks.after];
  await callInChange(client, project, { ...call, calls, path: [schema, ...shared], watched: true });
}
