import type { Client } from 'pg';

import { type BatchItem, BatchError, sendBatch } from '../../db/batch.js';
import { applicationName, lanePurpose } from '../../db/connect.js';
import { EMPTY_FOR_SESSION } from '../../db/empty-search-path.js';
import { quoteIdentifier } from '../../db/identifiers.js';
import { tenantLock, tryLock, unlock } from '../../db/locks.js';
import { codeOf, isConnectionError } from '../../db/sqlstates.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { createMigrationsTable, recordMigration } from '../bookkeeping.js';
import { runHookAlone } from '../hooks/run-hook.js';
import type { CompiledMigration, MigrationFile, Statement } from '../types.js';
import { bookkeepingFailure, clockFailure } from './bookkeeping-failure.js';
import { dropIndexStatement, prepareConcurrentIndex, remainingIndexes } from './concurrent-index.js';
import { runDirectMigration } from './run-direct-migration.js';
import { type FailurePoint, MOVED, type TransactionOutcome } from './run-transaction.js';
import { pathOf, placeGuards, type SegmentFrame } from './steps.js';

/**
 * Runs one migration that cannot run in a transaction: statement by statement, each waited for, the bookkeeping row last.
 *
 * The tenant's lock is held at session level, settings are the session's, and `lock_timeout` is lifted: a concurrent index
 * build that runs into it leaves an invalid index behind. After anything but `committed`, `busy` or `moved` the caller
 * closes the connection.
 */
export async function runOutsideTransaction(
  client: Client,
  frame: SegmentFrame,
  files: readonly MigrationFile[],
): Promise<TransactionOutcome> {
  const { work } = frame;
  const place: FailurePoint = {};
  const acknowledged: string[] = [];
  const warnings: string[] = [];
  try {
    if (!(await tryLock(client, tenantLock(work.tenant)))) return { kind: 'busy' };
    if (!(await enter(client, frame))) {
      await leave(client, work.tenant);
      return { kind: 'moved' };
    }
    for (const hook of frame.hooks?.first ?? []) {
      place.step = 'hook';
      await runHookAlone(hook, frame.hooks?.cancel);
    }
    delete place.step;
  } catch (error) {
    return { kind: 'failed', error: error as Error, place, begun: false };
  }
  try {
    for (const migration of frame.segment.migrations) {
      place.migration = migration;
      await runMigration(client, frame, migration, files, place, acknowledged, warnings);
    }
    await leave(client, work.tenant);
    return { kind: 'committed', warnings };
  } catch (error) {
    if (isConnectionError(error)) return { kind: 'lost', error: error as Error, place };
    return { kind: 'failed', error: partlyRun(error as Error, acknowledged), place };
  }
}

/** Sets up the session and looks at the guards; false when the place has changed. */
async function enter(client: Client, frame: SegmentFrame): Promise<boolean> {
  const { work, plan, settings } = frame;
  const items: BatchItem[] = [
    {
      text: `SELECT ${EMPTY_FOR_SESSION}, pg_catalog.set_config('lock_timeout', '0', false), pg_catalog.set_config('statement_timeout', $1, false), pg_catalog.set_config('application_name', $2, false)`,
      values: [`${settings.statementTimeoutMs}ms`, applicationName(lanePurpose(plan.direction, work.tenant))],
    },
    ...(settings.role === undefined ? [] : [{ text: `SET ROLE ${quoteIdentifier(settings.role)}` }]),
  ];
  const guardIndex = items.length;
  items.push(...placeGuards(frame));
  // The guards are analyzed under an empty path; the last of them sets the tenant's for the batch alone.
  items.push(
    {
      text: `SELECT pg_catalog.set_config('search_path', $1, false)`,
      values: [pathOf(work.tenant, plan, settings)],
    },
    { text: 'SET row_security TO DEFAULT' },
  );
  if (!frame.tableExists) items.push(createMigrationsTable(work.tenant, settings.migrationsTable));
  try {
    await sendBatch(client, items);
    return true;
  } catch (error) {
    const cause = error instanceof BatchError ? error.cause : error;
    const guard = error instanceof BatchError && error.index >= guardIndex;
    const clock = clockFailure(cause as Error, work.tenant, settings.migrationsTable);
    if (guard && clock !== undefined) throw clock;
    if (guard && MOVED.has(codeOf(cause) ?? '')) return false;
    throw cause;
  }
}

async function runMigration(
  client: Client,
  frame: SegmentFrame,
  migration: CompiledMigration,
  files: readonly MigrationFile[],
  place: FailurePoint,
  acknowledged: string[],
  warnings: string[],
): Promise<void> {
  const { work, plan, settings } = frame;
  if (migration.mode === 'direct') {
    const onStatement = (sql: string, line?: number): void => {
      if (place.sql !== undefined) acknowledged.push(place.sql);
      place.sql = sql;
      if (line === undefined) delete place.statement;
      else place.statement = { sql, line };
    };
    const warn = (message: string): void => void warnings.push(message);
    await runDirectMigration(client, frame, { migration, applied: frame.applied, files, onStatement, warn });
    if (place.sql !== undefined) acknowledged.push(place.sql);
    delete place.sql;
    delete place.statement;
  }
  for (const statement of migration.statements) {
    place.statement = statement;
    await runStatement(client, work.tenant, statement);
    acknowledged.push(statement.sql);
  }
  delete place.statement;
  const row = recordMigration(work.tenant, settings.migrationsTable, migration.name, plan.direction, 'table');
  try {
    await client.query(row.text, [...(row.values ?? [])]);
  } catch (error) {
    const where = { schema: work.tenant, table: settings.migrationsTable, direction: plan.direction };
    throw bookkeepingFailure(error as Error, { ...where, migration: migration.name });
  }
}

async function runStatement(client: Client, schema: string, statement: Statement): Promise<void> {
  if (statement.createsIndex !== undefined) {
    if ((await prepareConcurrentIndex(client, schema, statement)) === 'done') return;
    await buildIndex(client, schema, statement);
    return;
  }
  if (statement.dropsIndexes !== undefined) {
    for (const name of await remainingIndexes(client, schema, statement.dropsIndexes)) {
      await client.query(dropIndexStatement(name));
    }
    return;
  }
  await client.query(statement.sql);
}

/** A build that fails, on a duplicate value for instance, leaves an invalid index: it is taken away again. */
async function buildIndex(client: Client, schema: string, statement: Statement): Promise<void> {
  try {
    await client.query(statement.sql);
  } catch (error) {
    if (!isConnectionError(error)) await prepareConcurrentIndex(client, schema, statement).catch(() => {});
    throw error;
  }
}

async function leave(client: Client, schema: string): Promise<void> {
  await client.query('RESET ROLE');
  await unlock(client, tenantLock(schema));
}

function partlyRun(error: Error, acknowledged: readonly string[]): Error {
  if (acknowledged.length === 0) return error;
  return new TenantsError(
    'MIGRATION_FAILED',
    `${error.message} (the migration runs outside a transaction and may have run partly)`,
    {
      ...(codeOf(error) === undefined ? {} : { sqlstate: codeOf(error) as string }),
      problems: acknowledged.map((sql) => `carried out: ${sql.replaceAll(/\s+/g, ' ').slice(0, 200)}`),
      cause: error,
    },
  );
}
