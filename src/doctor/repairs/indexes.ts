import type { Client } from 'pg';

import { withCancel } from '../../db/backend/with-cancel.js';
import { withClient } from '../../db/connect.js';
import { qualified, quoteIdentifier } from '../../db/identifiers.js';
import { NODE_PG_MIGRATE_LOCK, tenantLock, tryLock, unlock } from '../../db/locks.js';
import { isConnectionError } from '../../db/sqlstates.js';
import { lockTenant } from '../../lifecycle/change-transaction.js';
import type { Project } from '../../project/project.js';
import { type InvalidIndex, readInvalidIndexes } from '../checks/invalid-indexes.js';
import type { Repair } from '../types.js';
import type { DoctorOptions, Examination } from '../types.js';

/**
 * Drops what a REINDEX left over, and rebuilds the indexes of recorded migrations in place, including those of constraints.
 * An index of a pending migration is left to `migrate`, which knows its definition.
 */
export async function repairIndexes(exam: Examination, options: DoctorOptions): Promise<Repair[]> {
  const indexes = await readInvalidIndexes(exam);
  return indexes.flatMap((index) => {
    const name = `"${index.schema}"."${index.name}"`;
    if (index.kind === 'leftover') {
      const run = () => concurrently(exam, index, options, (client) => drop(client, index));
      return [{ done: `dropped ${name}`, undone: `${name} was not dropped`, run }];
    }
    if (index.kind === 'built') {
      const run = () => concurrently(exam, index, options, (client) => rebuild(exam, client, index));
      return [{ done: `rebuilt ${name}`, undone: `${name} was not rebuilt`, run }];
    }
    return [];
  });
}

/**
 * Runs a statement that cannot run in a transaction, on a connection of its own, with the tenant's lock. It waits for older
 * transactions, and a `lock_timeout` would cut it off half-done. Someone who waits for node-pg-migrate's lock does so in
 * such a transaction: that lock is given back in the meantime.
 */
async function concurrently(
  { project, client: control }: Examination,
  { schema }: InvalidIndex,
  { cancel }: DoctorOptions,
  work: (client: Client) => Promise<void>,
): Promise<void> {
  await unlock(control, NODE_PG_MIGRATE_LOCK, 'shared');
  try {
    await withClient(project.database, `doctor --fix ${schema}`, async (client) => {
      await enter(project, client);
      await lockTenant(project, client, schema, cancel);
      await withCancel(project.database, client, cancel, () => work(client));
      await unlock(client, tenantLock(schema));
    });
  } finally {
    // If someone has it now, the tenants' own locks keep the rest of the repairs safe, as they do for create-tenant.
    await tryLock(control, NODE_PG_MIGRATE_LOCK, 'shared');
  }
}

async function enter({ role, statementTimeoutMs }: Project, client: Client): Promise<void> {
  await client.query(
    `SELECT set_config('search_path', '', false), set_config('lock_timeout', '0', false), set_config('statement_timeout', $1, false)`,
    [`${statementTimeoutMs}ms`],
  );
  if (role !== undefined) await client.query(`SET ROLE ${quoteIdentifier(role)}`);
}

async function drop(client: Client, { namespace, name }: Pick<InvalidIndex, 'namespace' | 'name'>): Promise<void> {
  await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${qualified(namespace, name)}`);
}

/** A failed REINDEX, for instance because of a duplicate value, leaves an invalid index behind, which is dropped. */
async function rebuild(exam: Examination, client: Client, { namespace, name }: InvalidIndex): Promise<void> {
  try {
    await client.query(`REINDEX INDEX CONCURRENTLY ${qualified(namespace, name)}`);
  } catch (error) {
    if (!isConnectionError(error)) await dropLeftovers(exam, client, namespace, name).catch(() => {});
    throw error;
  }
}

/** The server truncates long names to make room for `_ccnew`, so only the part before the suffix is compared. */
async function dropLeftovers(exam: Examination, client: Client, namespace: string, name: string): Promise<void> {
  for (const index of await readInvalidIndexes({ ...exam, client })) {
    const beginning = index.name.replace(/_cc(?:new|old)\d*$/, '');
    if (index.kind === 'leftover' && index.namespace === namespace && name.startsWith(beginning)) {
      await drop(client, index);
    }
  }
}
