import type { Client } from 'pg';

import { tenantLock, unlock } from '../db/locks.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import { type DumpFile, withDumpFile } from '../pg-dump/dump-file.js';
import { hookCalls, type Told } from '../project/hook-calls.js';
import type { Project } from '../project/project.js';
import { assertNotPublic, requireTenant } from '../registry/known-tenant.js';
import { findTenant, isRowTenant } from '../registry/list.js';
import { STATUS } from '../registry/names.js';
import {
  lockRowStatement,
  markDeletingStatement,
  removeDomainsStatements,
  removeTenantStatements,
} from '../registry/statements.js';
import type { TenantWithDomains } from '../registry/types.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { callAfterChange, callInChange } from './call-hooks.js';
import { changeFailure } from './change-failure.js';
import { withChangeSession } from './change-session.js';
import { asOwner, changeTenant, lockTenant, send } from './change-transaction.js';
import { type DeletedTenant, type DeleteTenantOptions, toChangedTenant } from './changed-tenant.js';
import { dropInBatches, dropSchema } from './drop-in-batches.js';
import { recorded } from './record.js';
import { deleteRowTenant } from './rows/delete.js';
import { assertOwnContents, isLarge, readContents, type SchemaContents } from './schema-contents.js';
import { writeRegistry } from './write-registry.js';

/**
 * Drops a tenant's schema and removes its registration, in one transaction.
 *
 * A schema with more objects than fit comfortably into the server's lock table is dropped in several transactions: the first
 * one sets the status `deleting` and removes the domains, the last one removes the row. If the process is killed in between,
 * the same call continues. A registry without a status column cannot say `deleting`: then the tenant's lock keeps migrations
 * out while the call runs, and the row stays until the schema is gone.
 *
 * With a dump, writes to the tenant's tables are blocked from the dump until the tables are gone.
 *
 * @returns the tenant as it was, with the status `deleted`, or `unregistered` when the schema is kept.
 * @throws TenantsError UNKNOWN_TENANT; USAGE for the public tenant and for a schema that other objects depend on;
 *   FILE_EXISTS, PG_DUMP_UNAVAILABLE, PG_DUMP_FAILED; and what `changeTenant` throws.
 */
export async function deleteTenant(project: Project, options: DeleteTenantOptions): Promise<DeletedTenant> {
  const startedAt = performance.now();
  const { schema, dump, cancel } = options;
  assertNotPublic(project.registry, schema, 'deleted');
  const deleted = await withChangeSession(project, purposeOf(schema), async ({ client, server }) => {
    const found = await requireTenant(client, project.registry, schema);
    const status = options.keepSchema === true ? 'unregistered' : 'deleted';
    const record = { command: 'delete-tenant', tenant: schema, status, options } as const;
    if (isRowTenant(project.registry, found)) {
      return await recorded(project, client, record, () => deleteRowTenant(client, project, options));
    }
    return await recorded(project, client, record, () =>
      dump === undefined
        ? remove(client, project, options)
        : withDumpFile(project, dump, server.version, cancel, (file) => remove(client, project, options, file)),
    );
  });
  const { afterDeleteTenant } = options.hooks ?? project.hooks ?? {};
  await callAfterChange(hookCalls('afterDeleteTenant', afterDeleteTenant, hookContext(deleted.tenant)), cancel);
  const status = options.keepSchema === true ? 'unregistered' : 'deleted';
  return toChangedTenant({ ...deleted.tenant, status }, startedAt, deleted.warnings);
}

type Deletion = { tenant: TenantWithDomains; warnings: string[] };

async function remove(
  client: Client,
  project: Project,
  options: DeleteTenantOptions,
  file?: DumpFile,
): Promise<Deletion> {
  const { schema, keepSchema = false } = options;
  const { registry } = project;
  const base = {
    locks: [schema],
    purpose: purposeOf(schema),
    tenant: schema,
    undone: `The tenant "${schema}" was not deleted`,
    cancel: options.cancel,
  };
  const isGone = async (other: Client): Promise<boolean> => (await findTenant(other, registry, schema)) === undefined;
  let large = false;
  const { tenant, contents } = await changeTenant(project, client, {
    ...base,
    work: async () => {
      const found = await prepare(client, project, options, file);
      const { contents } = found;
      large = !keepSchema && contents !== undefined && isTooMuch(contents, options);
      if (large) {
        await writeRegistry(client, project, [
          ...removeDomainsStatements(registry, schema),
          ...items(markDeletingStatement(registry, schema)),
        ]);
      } else {
        await writeRegistry(client, project, removeTenantStatements(registry, schema));
        if (!keepSchema) await asOwner(client, project.role, () => client.query(dropSchema(schema)));
      }
      return found;
    },
    isDone: async (other) =>
      (await isGone(other)) || (large && (await findTenant(other, registry, schema))?.status === STATUS.deleting),
  }).catch(async (error: unknown) => {
    // When the outcome is unknown, the dump may be the only copy.
    if (!isTenantsError(error) || error.code !== 'OUTCOME_UNKNOWN') await file?.remove();
    throw error;
  });
  if (large) {
    const change = {
      ...base,
      undone: `The tenant "${schema}" was deleted in part (${tenantsCommand('delete-tenant', schema)} continues)`,
    };
    await dropLarge(client, project, options, change, isGone).catch((error: unknown) => {
      throw changeFailure(error, change);
    });
  }
  if (contents === undefined) await file?.remove();
  const missing = contents === undefined && !keepSchema && tenant.status !== STATUS.deleting;
  return { tenant, warnings: missing ? [`There was no schema "${schema}"; only the registration was removed.`] : [] };
}

/** Everything that can refuse the deletion comes before the first change. */
async function prepare(
  client: Client,
  project: Project,
  { schema, keepSchema, hooks = project.hooks, cancel }: DeleteTenantOptions,
  file: DumpFile | undefined,
): Promise<{ tenant: TenantWithDomains; contents: SchemaContents | undefined }> {
  await send(client, [lockRowStatement(project.registry, schema)]);
  const tenant = await requireTenant(client, project.registry, schema);
  if (file !== undefined && tenant.status === STATUS.deleting) throw dumpTooLate(schema);
  const contents = await readContents(client, schema);
  if (contents !== undefined && keepSchema !== true) assertOwnContents(schema, contents);
  await callInChange(client, project, {
    calls: hookCalls('beforeDeleteTenant', hooks?.beforeDeleteTenant, hookContext(tenant)),
    tenant: schema,
    // If the tenant has no schema, unqualified names must not be found in the shared one.
    path: contents === undefined ? [] : [schema, project.shared.schema, ...project.tenants.extraSearchPath],
    watched: false,
    cancel,
  });
  if (file !== undefined && contents !== undefined) {
    await asOwner(client, project.role, () => keepWritersOut(client, contents.oid));
    await file.write(client, schema);
  }
  return { tenant, contents };
}

function dumpTooLate(schema: string): TenantsError {
  return new TenantsError('USAGE', `The tenant "${schema}" is already partly deleted: a dump would be incomplete.`, {
    tenant: schema,
    suggestions: [`To finish the deletion, run without --dump: ${tenantsCommand('delete-tenant', schema)}`],
  });
}

/** SHARE lets `pg_dump` read and blocks all writes. */
async function keepWritersOut(client: Client, namespace: number): Promise<void> {
  const { rows } = await client.query<{ tables: string | null }>(
    `SELECT string_agg(oid::regclass::text, ', ') AS tables FROM pg_class WHERE relnamespace = $1 AND relkind IN ('r', 'p')`,
    [namespace],
  );
  const tables = rows[0]?.tables;
  if (typeof tables === 'string') await client.query(`LOCK TABLE ${tables} IN SHARE MODE`);
}

function isTooMuch(contents: SchemaContents, { batchSize }: DeleteTenantOptions): boolean {
  return batchSize === undefined ? isLarge(contents) : contents.objects > batchSize;
}

/** The session holds the tenant's lock across all transactions; each acquires it once more, which costs nothing. */
async function dropLarge(
  client: Client,
  project: Project,
  { schema, batchSize, onEvent }: DeleteTenantOptions,
  base: { locks: string[]; purpose: string; tenant: string; undone: string; cancel: AbortSignal | undefined },
  isGone: (client: Client) => Promise<boolean>,
): Promise<void> {
  await lockTenant(project, client, schema, base.cancel);
  const contents = await readContents(client, schema);
  const perBatch = batchSize ?? Math.floor((contents?.lockSpace ?? 0) / 2);
  onEvent?.({
    type: 'warning',
    message: `The schema "${schema}" is large and will be dropped in several transactions.`,
  });
  const transaction = async (statements: string[]): Promise<void> => {
    await changeTenant(project, client, {
      ...base,
      work: () =>
        asOwner(client, project.role, async () => {
          for (const statement of statements) await client.query(statement);
        }),
      // The next batch drops whatever this one did not.
      isDone: () => Promise.resolve(true),
    });
  };
  await dropInBatches(client, schema, perBatch, transaction);
  await changeTenant(project, client, {
    ...base,
    work: async () => {
      await asOwner(client, project.role, () => client.query(dropSchema(schema)));
      await writeRegistry(client, project, removeTenantStatements(project.registry, schema));
    },
    isDone: isGone,
  });
  await unlock(client, tenantLock(schema));
}

function items<T>(item: T | undefined): T[] {
  return item === undefined ? [] : [item];
}

function hookContext({ schema, type, domains }: TenantWithDomains): Told {
  return { tenant: schema, type, domains: domains.map(({ domain }) => domain) };
}

function purposeOf(schema: string): string {
  return `delete-tenant ${schema}`;
}
