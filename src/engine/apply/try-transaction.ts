import type { Client } from 'pg';

import { appliedAfterMigrations } from '../replaced.js';
import type { CompiledMigration, MigrationFile, Plan } from '../types.js';
import { referencedTables } from './fall-through.js';
import { Observer, type TriedStatement } from './observe.js';
import {
  assertInside,
  changedByNow,
  outcomeOf,
  outsideSchemas,
  runBatch,
  runPiece,
  type TransactionOutcome,
  type TransactionRun,
} from './run-transaction.js';
import { sharedObjects } from './shared-objects.js';
import { shieldSequences } from './shield-sequences.js';
import { isWatched, type SegmentFrame, type SegmentPiece, segmentPieces, type Step } from './steps.js';

/** One schema in a transaction that is rolled back: its frame has all of its migrations that can be tried, in one segment. */
export type TryPart = {
  frame: SegmentFrame;
  files: readonly MigrationFile[];
  /** Whether its statements are looked at one by one. */
  observed: boolean;
};

/** `tried`: everything succeeded and was rolled back. Otherwise as for a transaction; `part` is the one that failed. */
export type TryOutcome = { statements: TriedStatement[]; part: number } & (
  | { kind: 'tried'; warnings: string[] }
  | Exclude<TransactionOutcome, { kind: 'committed' }>
);

/**
 * Runs the plans of one or more schemas in one transaction, as they would be run, and rolls it back. Hooks are not called.
 * The connection is free again afterwards, unless it is gone.
 */
export async function tryTransaction(client: Client, parts: readonly TryPart[]): Promise<TryOutcome> {
  const statements: TriedStatement[] = [];
  const warnings: string[] = [];
  for (const [index, { frame, files, observed }] of parts.entries()) {
    const run: TransactionRun = { client, frame, files, place: {}, warnings };
    try {
      await tryPart(run, index > 0, observed ? statements : undefined);
      // What a COMMIT would find.
      await client.query('SET CONSTRAINTS ALL IMMEDIATE');
    } catch (error) {
      return { ...(await outcomeOf(run, error as Error)), statements, part: index };
    }
  }
  await client.query('ROLLBACK');
  return { kind: 'tried', statements, warnings, part: parts.length };
}

async function tryPart(run: TransactionRun, joins: boolean, statements: TriedStatement[] | undefined): Promise<void> {
  const { client, frame } = run;
  const { work, settings, plan } = frame;
  if (joins) await client.query('RESET ROLE');
  const outside = outsideSchemas(frame);
  const watched = isWatched(frame);
  const referenced = watched ? await referencedTables(client, work.tenant) : [];
  let objects: Awaited<ReturnType<typeof sharedObjects>> | undefined;
  let allowed: readonly string[] = [];
  let observer: Observer | undefined;
  let entered = false;
  /** The guards have passed: the schema is the one that is meant. */
  const enter = async (): Promise<void> => {
    if (entered) return;
    entered = true;
    await shieldSequences(client, work.tenant, settings.migrationsTable, plan);
    if (watched) {
      objects = await sharedObjects(client, outside);
      // What an earlier part has locked, or this program.
      allowed = await changedByNow(client, frame, referenced, objects);
    }
    if (statements !== undefined) {
      observer = await Observer.begin(client, [work.tenant, ...outside], statements);
    }
  };
  for (const piece of stepByStep(segmentPieces(frame), joins)) {
    if (!isBefore(piece)) await enter();
    const subject = statementOf(piece);
    if (observer === undefined || subject === undefined) {
      observer?.forget();
      await runOne(run, piece, observer);
    } else {
      await observer.observe(subject.migration.name, subject.sql, () => runOne(run, piece, undefined));
    }
  }
  if (objects !== undefined) assertInside(run, await changedByNow(client, frame, referenced, objects), allowed);
}

/** Every step is a piece of its own; the transaction of an earlier part goes on, and nothing is committed. */
function stepByStep(pieces: readonly SegmentPiece[], joins: boolean): SegmentPiece[] {
  return pieces.flatMap((piece): SegmentPiece[] => {
    if (piece.kind !== 'batch') return [piece];
    return piece.steps
      .filter((step) => step.role !== 'commit' && !(joins && isBegin(step)))
      .map((step) => ({ kind: 'batch', steps: [step] }));
  });
}

function isBegin({ role, text }: Step): boolean {
  return role === 'frame' && text.startsWith('BEGIN ');
}

const BEFORE: ReadonlySet<Step['role']> = new Set(['frame', 'lock', 'guard', 'prelude']);

/** It comes before, or with, the guards. */
function isBefore(piece: SegmentPiece): boolean {
  return (
    piece.kind === 'batch' && piece.steps.every(({ role, migration }) => migration === undefined && BEFORE.has(role))
  );
}

function statementOf(piece: SegmentPiece): { migration: CompiledMigration; sql: string } | undefined {
  if (piece.kind === 'simple') return { migration: piece.migration, sql: piece.statement.sql };
  if (piece.kind !== 'batch') return undefined;
  const [step] = piece.steps;
  return step?.role === 'statement' && step.migration !== undefined
    ? { migration: step.migration, sql: step.text }
    : undefined;
}

async function runOne(run: TransactionRun, piece: SegmentPiece, observer: Observer | undefined): Promise<void> {
  if (piece.kind === 'batch') return await runBatch(run, piece.steps);
  if (piece.kind !== 'direct') return await runPiece(run, piece);
  const before = migrationsBefore(run.frame.plan, piece.migration.name);
  const direct = { ...piece, applied: appliedAfterMigrations(run.frame.applied, before, 'up') };
  if (observer === undefined) return await runPiece(run, direct);
  // What it sends goes through here, one after the other.
  const watching: TransactionRun = { ...run, client: observed(run.client, observer, piece.migration.name) };
  try {
    await runPiece(watching, direct);
  } finally {
    run.place = watching.place;
  }
}

/** Migrations of the plan that come before one, those that are not tried among them. */
function migrationsBefore({ segments }: Plan, name: string): CompiledMigration[] {
  const migrations = segments.flatMap((segment) => segment.migrations);
  return migrations.slice(
    0,
    migrations.findIndex((migration) => migration.name === name),
  );
}

/** The connection as a direct migration gets it. */
function observed(client: Client, observer: Observer, migration: string): Client {
  let turn: Promise<unknown> = Promise.resolve();
  const query = (text: unknown, values?: unknown): Promise<unknown> => {
    const sql = typeof text === 'string' ? text : (text as { text: string }).text;
    const answer = turn.then(() =>
      observer.observe(migration, sql, () => client.query(text as string, values as string[])),
    );
    turn = answer.catch(() => undefined);
    return answer;
  };
  return new Proxy(client, {
    get: (target, key) => {
      if (key === 'query') return query;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
