import type { Client } from 'pg';

import { BatchError, sendBatch } from '../../db/batch.js';
import { codeOf, isConnectionError, isRetryable, SQLSTATE } from '../../db/sqlstates.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { HookError, runHook } from '../hooks/run-hook.js';
import type { CompiledMigration, MigrationFile, Statement } from '../types.js';
import { bookkeepingFailure, clockFailure } from './bookkeeping-failure.js';
import { changedOutside, fallThroughError, referencedTables } from './fall-through.js';
import { isRaised, raisedNames } from './raise.js';
import { runDirectMigration } from './run-direct-migration.js';
import { changedSharedObjects, type SharedObjects, sharedObjects } from './shared-objects.js';
import { isWatched, type SegmentPiece, type SegmentFrame, segmentPieces, type Step } from './steps.js';

/** How one transaction ended. Only `committed` changed anything; after `lost` it is not known. */
export type TransactionOutcome =
  | { kind: 'committed'; warnings: string[] }
  /** Another session holds the tenant's lock. */
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
  const run: TransactionRun = { client, frame, files, place: {}, warnings: [] };
  try {
    await runPieces(run, segmentPieces(frame));
    return { kind: 'committed', warnings: run.warnings };
  } catch (error) {
    return await outcomeOf(run, error as Error);
  }
}

/** One transaction on its way: `place` is where it is now, for when it fails. */
export type TransactionRun = {
  client: Client;
  frame: SegmentFrame;
  files: readonly MigrationFile[];
  place: FailurePoint;
  warnings: string[];
};

async function runPieces(run: TransactionRun, pieces: readonly SegmentPiece[]): Promise<void> {
  const { client, frame } = run;
  const watched = isWatched(frame);
  const referenced = watched ? await referencedTables(client, frame.work.tenant) : [];
  const objects = watched ? await sharedObjects(client, outsideSchemas(frame)) : new Map<string, string>();
  const changed = async (): Promise<string[]> => await changedByNow(client, frame, referenced, objects);
  let allowed: readonly string[] = [];
  for (const [index, piece] of pieces.entries()) {
    if (watched && index === pieces.length - 1) assertInside(run, await changed(), allowed);
    await runPiece(run, piece);
    if (piece.kind === 'hook') {
      if (watched && !piece.watched) allowed = await changed();
    } else if (piece.kind !== 'batch' && client.getTransactionStatus() !== 'T') {
      throw new TenantsError(
        'MIGRATION_FAILED',
        `Migration ${piece.migration.name} ended the transaction it ran in; it may have run partly.`,
      );
    }
  }
}

export async function runPiece(run: TransactionRun, piece: SegmentPiece): Promise<void> {
  const { client, frame, files } = run;
  switch (piece.kind) {
    case 'batch':
      return await runBatch(run, piece.steps);
    case 'hook': {
      run.place = { step: 'hook' };
      const { settings, work, hooks } = frame;
      const fallThrough = piece.watched ? settings.fallThrough : 'off';
      const found = await runHook(client, piece.hook, { tenant: work.tenant, fallThrough, cancel: hooks?.cancel });
      run.warnings.push(...found);
      return;
    }
    case 'simple':
      run.place = { step: 'statement', migration: piece.migration, statement: piece.statement };
      await client.query(piece.statement.sql);
      return;
    case 'direct': {
      const place = { step: 'statement', migration: piece.migration } as const;
      run.place = place;
      const onStatement = (sql: string, line?: number): void => {
        run.place = { ...place, sql, ...(line === undefined ? {} : { statement: { sql, line } }) };
      };
      const warn = (message: string): void => void run.warnings.push(message);
      return await runDirectMigration(client, frame, { ...piece, files, onStatement, warn });
    }
    default:
      piece satisfies never;
  }
}

export async function runBatch(run: TransactionRun, steps: readonly Step[]): Promise<void> {
  const { client, frame } = run;
  try {
    const answers = await sendBatch(client, steps);
    if (frame.settings.fallThrough === 'warn') {
      for (const [index, step] of steps.entries()) {
        const names = step.checks === undefined ? null : answers[index]?.rows[0]?.at(-1);
        if (typeof names === 'string') {
          run.warnings.push(fallThroughError(frame.work.tenant, [names], step.checks?.name).message);
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
    run.place = step === undefined ? {} : placeOf(step, step.checks !== undefined && raisedNames(cause) !== undefined);
    if (step?.hook === undefined || isConnectionError(cause)) throw cause;
    throw HookError.of(step.hook, cause, undefined, isRetryable(cause));
  }
}

function placeOf(step: Step, fellThrough: boolean): FailurePoint {
  const migration = fellThrough ? step.checks : step.migration;
  return {
    step: fellThrough ? 'fallThrough' : step.role,
    ...(migration === undefined ? {} : { migration }),
    ...(step.statement === undefined ? {} : { statement: step.statement }),
  };
}

export async function outcomeOf(
  { client, frame, place }: TransactionRun,
  error: Error,
): Promise<Exclude<TransactionOutcome, { kind: 'committed' }>> {
  if (isConnectionError(error)) return { kind: 'lost', error, place };
  try {
    await client.query('ROLLBACK');
  } catch (rollback) {
    // Everything up to the failed statement is rolled back by the server itself when the connection ends.
    if (isConnectionError(rollback)) return { kind: 'failed', error, place };
    throw rollback;
  }
  if (place.step === 'lock' && isRaised(error)) return { kind: 'busy' };
  const { work, plan, settings } = frame;
  const clock = place.step === 'guard' ? clockFailure(error, work.tenant, settings.migrationsTable) : undefined;
  if (clock !== undefined) return { kind: 'failed', error: clock, place };
  if (place.step === 'guard' && MOVED.has(codeOf(error) ?? '')) return { kind: 'moved' };
  const names = place.step === 'fallThrough' ? raisedNames(error) : undefined;
  if (names !== undefined) {
    return { kind: 'failed', error: fallThroughError(frame.work.tenant, [names], place.migration?.name), place };
  }
  if (place.step !== 'bookkeeping' || place.migration === undefined) return { kind: 'failed', error, place };
  const row = { schema: work.tenant, table: settings.migrationsTable, direction: plan.direction };
  return { kind: 'failed', error: bookkeepingFailure(error, { ...row, migration: place.migration.name }), place };
}

/** What a guard answers when the place it looks at has changed: its own word, or a table or schema that is gone. */
export const MOVED: ReadonlySet<string> = new Set([
  SQLSTATE.invalidTextRepresentation,
  SQLSTATE.undefinedTable,
  SQLSTATE.undefinedSchema,
]);

/** What the search path leads to besides the tenant's own schema. */
export function outsideSchemas({ work, settings }: SegmentFrame): string[] {
  return [settings.sharedSchema, ...settings.extraSearchPath].filter((schema) => schema !== work.tenant);
}

export async function changedByNow(
  client: Client,
  frame: SegmentFrame,
  referenced: readonly string[],
  objects: SharedObjects,
): Promise<string[]> {
  const relations = await changedOutside(client, frame.work.tenant, referenced);
  return [...new Set([...relations, ...(await changedSharedObjects(client, outsideSchemas(frame), objects))])];
}

export function assertInside(
  { frame: { work, settings }, warnings }: TransactionRun,
  changed: readonly string[],
  allowed: readonly string[],
): void {
  const names = changed.filter((name) => !allowed.includes(name));
  if (names.length === 0) return;
  const error = fallThroughError(work.tenant, names);
  if (settings.fallThrough !== 'warn') throw error;
  warnings.push(error.message);
}
