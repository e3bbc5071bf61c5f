import type { Client, QueryResult } from 'pg';

import { BatchError, sendBatch } from '../../db/batch.js';
import { codeOf, isConnectionError, isRetryable, SQLSTATE } from '../../db/sqlstates.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { HookError, runHook } from '../hooks/run-hook.js';
import type { CompiledMigration, MigrationFile, Statement } from '../types.js';
import { bookkeepingFailure, clockFailure } from './bookkeeping-failure.js';
import { changedOutside, fallThroughError, referencedTables } from './fall-through.js';
import { FALL_THROUGH } from './guards.js';
import { isWatched, type SegmentPiece, type SegmentFrame, segmentPieces, type Step } from './steps.js';

/** How one transaction ended. Only `committed` changed anything; after `lost` it is not known. */
export type TransactionOutcome =
  | { kind: 'committed'; warnings: string[] }
  /** Somebody else holds the tenant's lock. */
  | { kind: 'busy' }
  /** The schema, its registration or its applied list is not what the survey saw. */
  | { kind: 'moved' }
  /**
   * `begun: false`: nothing of the segment was carried out, not even where there is no transaction to undo it.
   * `recorded: true`: all of it was, and is recorded; a hook failed after that.
   */
  | { kind: 'failed'; error: Error; place: FailurePoint; begun?: boolean; recorded?: boolean }
  /** The connection broke; the COMMIT may have been carried out. */
  | { kind: 'lost'; error: Error; place: FailurePoint };

/** Where in a plan an error occurred, as far as that is known. */
export type FailurePoint = { migration?: CompiledMigration; statement?: Statement; sql?: string; step?: Step['role'] };

/**
 * Runs one transactional segment on a connection, from BEGIN to COMMIT. A segment of compiled migrations takes one round
 * trip. On any failure the transaction is rolled back and the connection is free again, unless it is gone.
 */
export async function runTransaction(
  client: Client,
  frame: SegmentFrame,
  files: readonly MigrationFile[],
): Promise<TransactionOutcome> {
  const pieces = segmentPieces(frame);
  const place: FailurePoint = {};
  const warnings: string[] = [];
  try {
    await runPieces(client, pieces, frame, files, place, warnings);
    return { kind: 'committed', warnings };
  } catch (error) {
    return await outcomeOf(client, error as Error, place, frame);
  }
}

async function runPieces(
  client: Client,
  pieces: readonly SegmentPiece[],
  frame: SegmentFrame,
  files: readonly MigrationFile[],
  place: FailurePoint,
  warnings: string[],
): Promise<void> {
  const watched = isWatched(frame);
  const { tenant } = frame.work;
  const referenced = watched ? await referencedTables(client, tenant) : [];
  let allowed: readonly string[] = [];
  for (const [index, piece] of pieces.entries()) {
    if (watched && index === pieces.length - 1) await checkLocks(client, frame, referenced, allowed, warnings);
    await runPiece(client, piece, frame, files, place, warnings);
    if (piece.kind === 'hook') {
      if (watched && !piece.watched) allowed = await changedOutside(client, tenant, referenced);
    } else if (piece.kind !== 'batch' && client.getTransactionStatus() !== 'T') {
      throw new TenantsError(
        'MIGRATION_FAILED',
        `Migration ${piece.migration.name} ended the transaction it ran in; it may have run partly.`,
      );
    }
  }
}

async function runPiece(
  client: Client,
  piece: SegmentPiece,
  frame: SegmentFrame,
  files: readonly MigrationFile[],
  place: FailurePoint,
  warnings: string[],
): Promise<void> {
  if (piece.kind === 'batch') {
    await runBatch(client, piece.steps, frame, place, warnings);
    return;
  }
  delete place.statement;
  if (piece.kind === 'hook') {
    delete place.migration;
    delete place.sql;
    place.step = 'hook';
    const { settings, work, hooks } = frame;
    const fallThrough = piece.watched ? settings.fallThrough : 'off';
    const found = await runHook(client, piece.hook, { tenant: work.tenant, fallThrough, cancel: hooks?.cancel });
    warnings.push(...found);
    return;
  }
  place.migration = piece.migration;
  place.step = 'statement';
  if (piece.kind === 'simple') {
    place.statement = piece.statement;
    await client.query(piece.statement.sql);
    return;
  }
  const { runDirect } = await import('../compile/run-direct.js');
  await runDirect({
    source: frame.plan.source,
    files: [...files],
    migration: piece.migration,
    applied: piece.applied,
    migrationsTable: frame.settings.migrationsTable,
    client: {
      query: (text: unknown, values?: unknown) =>
        client.query(text as string, values as string[]) as unknown as Promise<QueryResult>,
    },
    onStatement: (sql) => {
      place.sql = sql;
    },
  });
}

async function runBatch(
  client: Client,
  steps: readonly Step[],
  frame: SegmentFrame,
  place: FailurePoint,
  warnings: string[],
): Promise<void> {
  try {
    const answers = await sendBatch(client, steps);
    if (frame.settings.fallThrough === 'warn') {
      for (const [index, step] of steps.entries()) {
        const names = step.checks === undefined ? null : answers[index]?.rows[0]?.at(-1);
        if (typeof names === 'string') {
          warnings.push(fallThroughError(frame.work.tenant, [names], step.checks?.name).message);
        }
      }
    }
    const last = answers.at(-1);
    if (steps.at(-1)?.role === 'commit' && last?.command !== 'COMMIT') {
      throw new TenantsError('MIGRATION_FAILED', `The server answered ${last?.command ?? 'nothing'} to COMMIT.`);
    }
  } catch (error) {
    const step = error instanceof BatchError ? steps[error.index] : undefined;
    const cause = error instanceof BatchError ? error.cause : error;
    const fellThrough = step?.checks !== undefined && isFallThrough(cause);
    const migration = fellThrough ? step.checks : step?.migration;
    delete place.sql;
    if (migration === undefined) delete place.migration;
    else place.migration = migration;
    if (step?.statement === undefined) delete place.statement;
    else place.statement = step.statement;
    if (step !== undefined) place.step = fellThrough ? 'fallThrough' : step.role;
    if (step?.hook === undefined || isConnectionError(cause)) throw cause;
    throw HookError.of(step.hook, cause, undefined, isRetryable(cause));
  }
}

async function outcomeOf(
  client: Client,
  error: Error,
  place: FailurePoint,
  frame: SegmentFrame,
): Promise<TransactionOutcome> {
  if (isConnectionError(error)) return { kind: 'lost', error, place };
  try {
    await client.query('ROLLBACK');
  } catch (rollback) {
    // Everything up to the failed statement is rolled back by the server itself when the connection ends.
    if (isConnectionError(rollback)) return { kind: 'failed', error, place };
    throw rollback;
  }
  if (place.step === 'lock' && codeOf(error) === SQLSTATE.invalidTextRepresentation) return { kind: 'busy' };
  const { work, plan, settings } = frame;
  const clock = place.step === 'guard' ? clockFailure(error, work.tenant, settings.migrationsTable) : undefined;
  if (clock !== undefined) return { kind: 'failed', error: clock, place };
  if (place.step === 'guard' && MOVED.has(codeOf(error) ?? '')) return { kind: 'moved' };
  if (place.step === 'fallThrough' && isFallThrough(error)) {
    const names = error.message.slice(error.message.indexOf(FALL_THROUGH) + FALL_THROUGH.length, -1);
    return { kind: 'failed', error: fallThroughError(frame.work.tenant, [names], place.migration?.name), place };
  }
  if (place.step !== 'bookkeeping' || place.migration === undefined) return { kind: 'failed', error, place };
  const row = { schema: work.tenant, table: settings.migrationsTable, direction: plan.direction };
  return { kind: 'failed', error: bookkeepingFailure(error, { ...row, migration: place.migration.name }), place };
}

/** The check's own word, quoted by the server at the end of its message. */
function isFallThrough(error: unknown): error is Error {
  return (
    error instanceof Error &&
    codeOf(error) === SQLSTATE.invalidTextRepresentation &&
    error.message.includes(FALL_THROUGH)
  );
}

/** What a guard answers when the place it looks at has changed: its own word, or a table or schema that is gone. */
export const MOVED: ReadonlySet<string> = new Set([
  SQLSTATE.invalidTextRepresentation,
  SQLSTATE.undefinedTable,
  SQLSTATE.undefinedSchema,
]);

async function checkLocks(
  client: Client,
  frame: SegmentFrame,
  referenced: string[],
  allowed: readonly string[],
  warnings: string[],
): Promise<void> {
  const { tenant } = frame.work;
  const names = (await changedOutside(client, tenant, referenced)).filter((name) => !allowed.includes(name));
  if (names.length === 0) return;
  const error = fallThroughError(tenant, names);
  if (frame.settings.fallThrough !== 'warn') throw error;
  warnings.push(error.message);
}
