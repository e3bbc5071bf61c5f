import type { BatchItem } from '../../db/batch.js';
import { applicationName, lanePurpose } from '../../db/connect.js';
import { EMPTY_FOR_TRANSACTION, EMPTY_SETTINGS, USERS_ROW_SECURITY } from '../../db/empty-search-path.js';
import { quoteIdentifier, searchPath } from '../../db/identifiers.js';
import { createMigrationsTable, recordMigration, replaceMigrations } from '../bookkeeping.js';
import type { HookCall, SegmentHooks } from '../hooks/migrate-hooks.js';
import { mayLeaveTraces } from '../plan.js';
import { appliedAfterMigrations } from '../replaced.js';
import type { ApplySettings, CompiledMigration, Plan, Segment, Statement, TenantAssignment } from '../types.js';
import { fallThroughOf } from './fall-through.js';
import { type FallThroughCheck, fallThroughGuard, listGuard, placeGuard, settingsAndLock } from './guards.js';
import { citusSettings, nodeLockGuard, schemaSharding } from './on-citus.js';
import { RESTORE_DEFERRED } from './restore-deferred.js';

/** One message of a transaction, and what it is there for: the reason tells a failure's meaning. */
export type Step = BatchItem & {
  role:
    | 'frame'
    | 'lock'
    | 'guard'
    | 'fallThrough'
    | 'prelude'
    | 'postlude'
    | 'hook'
    | 'statement'
    | 'constraints'
    | 'bookkeeping'
    | 'commit';
  migration?: CompiledMigration;
  statement?: Statement;
  /** The migration whose fall-through check this is, or has with it; its answer is the last column. */
  checks?: CompiledMigration;
  /** Ends the work of this hook. */
  hook?: string;
};

/** A piece of a transaction: statements in one round trip, or something that must be run and waited for by itself. */
export type SegmentPiece =
  | { kind: 'batch'; steps: Step[] }
  | { kind: 'simple'; migration: CompiledMigration; statement: Statement }
  | { kind: 'direct'; migration: CompiledMigration; applied: string[] }
  /** `watched`: it may not change what is outside the tenant's schema. */
  | { kind: 'hook'; hook: HookCall; watched: boolean };

/** What a transactional segment needs to know beyond the plan. */
export type SegmentFrame = {
  work: TenantAssignment;
  plan: Plan;
  segment: Segment;
  /** The list that the migrations table must hold when the segment starts. */
  applied: string[];
  /** Whether the migrations table exists then. */
  tableExists: boolean;
  settings: ApplySettings;
  /** The database has the extension Citus: the tenant may be on another node. */
  onCitus?: boolean;
  /** Statements that come first in the transaction, after the lock: the registration of a new tenant. */
  prelude?: readonly BatchItem[];
  /** Statements that come last before the COMMIT. */
  postlude?: readonly BatchItem[];
  hooks?: SegmentHooks | undefined;
};

/** Everything one transactional segment sends, in order. A segment of compiled migrations is a single batch. */
export function segmentPieces(frame: SegmentFrame): SegmentPiece[] {
  const { work, plan, segment, settings } = frame;
  const pieces: SegmentPiece[] = [];
  let steps: Step[] = beginSteps(frame);
  const cut = (piece: SegmentPiece): void => {
    if (steps.length > 0) pieces.push({ kind: 'batch', steps });
    pieces.push(piece);
    steps = [];
  };
  const done: CompiledMigration[] = [];
  let constraintsFlushed = false;
  const callHooks = (hooks: readonly HookCall[] = [], isOpening = false): void => {
    for (const hook of hooks) {
      if (constraintsFlushed) steps.push(RESTORE_DEFERRED);
      if (isOpening) steps.push(FOR_USERS, ...sharedPlaceSteps(settings));
      cut({ kind: 'hook', hook, watched: !isOpening });
      steps.push({ role: 'constraints', text: 'SET CONSTRAINTS ALL IMMEDIATE', hook: hook.name });
      constraintsFlushed = true;
      // It may have changed what migrations rely on. The registration is not the owner's work.
      steps.push(settingsStep(frame), roleStep(isOpening ? { ...settings, role: undefined } : settings));
    }
  };

  callHooks(frame.hooks?.opening, true);
  const checkedAtOnce = firstCheck(frame);
  steps.push(...guardSteps(frame, checkedAtOnce));
  callHooks(frame.hooks?.first);
  for (const migration of segment.migrations) {
    if (migration.recorded === true) {
      done.push(migration);
      continue;
    }
    if (!plan.fake) {
      // Any statement of the migration before may have changed the search path.
      if (done.length > 0) steps.push(searchPathStep(frame, migration));
      if (constraintsFlushed && mayWrite(migration)) steps.push({ ...RESTORE_DEFERRED, migration });
      const check = migration === checkedAtOnce?.migration ? undefined : checkOf(migration, frame);
      if (check !== undefined) {
        steps.push({ role: 'fallThrough', ...fallThroughGuard(work.tenant, check), migration, checks: migration });
      }
      if (migration.mode === 'direct') {
        cut({ kind: 'direct', migration, applied: appliedAfterMigrations(frame.applied, done, 'up') });
      } else {
        for (const statement of migration.statements) {
          if (statement.unparsed) cut({ kind: 'simple', migration, statement });
          else steps.push(statementStep(migration, statement));
        }
      }
      if (mayWrite(migration)) {
        steps.push({ role: 'constraints', text: 'SET CONSTRAINTS ALL IMMEDIATE', migration });
        constraintsFlushed = true;
      }
    }
    if (!plan.fake && mayLeaveTraces(migration)) steps.push({ ...roleStep(settings), migration });
    steps.push({
      role: 'bookkeeping',
      ...rowOf(migration, frame),
      migration,
    });
    done.push(migration);
  }
  if (frame.hooks !== undefined && frame.hooks.last.length > 0) steps.push(settingsStep(frame), roleStep(settings));
  callHooks(frame.hooks?.last);
  // The look at what was touched outside the schema comes between the last statement and the COMMIT.
  if (isWatched(frame) && steps.length > 0) {
    pieces.push({ kind: 'batch', steps });
    steps = [];
  }
  // Rows of the registry are written by the user who connects, at the end as at the beginning.
  if (settings.role !== undefined && (frame.postlude ?? []).length > 0) {
    steps.push({ role: 'frame', text: 'RESET ROLE' });
  }
  for (const item of frame.postlude ?? []) steps.push({ role: 'postlude', ...item });
  steps.push(COMMIT);
  pieces.push({ kind: 'batch', steps });
  return pieces;
}

/** The statement that says that a migration is applied, or undone. */
function rowOf({ name, replaces }: CompiledMigration, { work, settings, plan, onCitus }: SegmentFrame): BatchItem {
  const { migrationsTable } = settings;
  return replaces === undefined
    ? recordMigration(work.tenant, migrationsTable, name, plan.direction, onCitus === true ? 'table' : 'seen')
    : replaceMigrations(work.tenant, migrationsTable, name, replaces);
}

/**
 * Whether the locks of the transaction are looked at before its COMMIT: when its statements are not known, or run code or
 * change settings, so that their targets cannot be told from their text.
 */
export function isWatched({ plan, segment, settings }: SegmentFrame): boolean {
  if (plan.scope.kind === 'shared' || settings.fallThrough === 'off' || plan.fake) return false;
  return segment.migrations.some(
    (migration) =>
      !migration.allowFallThrough && (mayLeaveTraces(migration) || migration.statements.some(({ watched }) => watched)),
  );
}

/** The beginning of a transaction: nobody else is at work on the tenant then. */
function beginSteps(frame: SegmentFrame): Step[] {
  return [
    BEGIN,
    { role: 'lock', ...settingsAndLock(frame.work.tenant, { ...FOR_GUARDS_SET, ...settingsOf(frame) }) },
    ...(frame.onCitus === true ? citusSettings(frame.settings).map((item) => frameStep(item)) : []),
    // The owner's triggers on the registry may rely on it.
    ...((frame.prelude ?? []).length > 0 ? [FOR_USERS, searchPathStep(frame)] : []),
  ];
}

/** Under repeatable read the guards could read a list that was overtaken before the lock was had. */
const BEGIN: Step = { role: 'frame', text: 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE' };
const COMMIT: Step = { role: 'commit', text: 'COMMIT' };
/** Guards are analyzed under an empty path, with which every lane begins, and planned once for all tenants. */
const FOR_GUARDS_SET = Object.fromEntries(EMPTY_SETTINGS);
const FOR_GUARDS: Step = { role: 'frame', text: `SELECT ${EMPTY_FOR_TRANSACTION}` };
/** Statements of the user find the rows that policies let them find. */
const FOR_USERS: Step = { role: 'frame', text: USERS_ROW_SECURITY };

const statementSteps = new WeakMap<Statement, Step>();

/** The same object for every tenant: a batch keeps the messages of what it has sent before. */
function statementStep(migration: CompiledMigration, statement: Statement): Step {
  const known = statementSteps.get(statement);
  if (known?.migration === migration) return known;
  const step: Step = { role: 'statement', text: statement.sql, migration, statement };
  statementSteps.set(statement, step);
  return step;
}

function settingsStep(frame: SegmentFrame): Step {
  const { work, plan, settings: project } = frame;
  const settings = Object.entries({ search_path: pathOf(work.tenant, plan, project), ...settingsOf(frame) });
  const set = settings.map(([name], index) => `pg_catalog.set_config('${name}', $${index + 1}, true)`);
  return { role: 'frame', text: `SELECT ${set.join(', ')}`, values: settings.map(([, value]) => value) };
}

/** What holds for a tenant's transaction alone. */
function settingsOf({ work, plan, settings }: SegmentFrame): Record<string, string> {
  return {
    lock_timeout: `${settings.lockTimeoutMs}ms`,
    statement_timeout: `${settings.statementTimeoutMs}ms`,
    application_name: applicationName(lanePurpose(plan.direction, work.tenant)),
    ...(settings.groupCommit === true && plan.scope.kind === 'tenants' ? { synchronous_commit: 'off' } : {}),
  };
}

function frameStep(item: BatchItem): Step {
  return { role: 'frame', ...item };
}

/** Where a hook finds itself before the tenant's schema exists. */
function sharedPlaceSteps(settings: ApplySettings): Step[] {
  const path = searchPath([settings.sharedSchema, ...settings.extraSearchPath]);
  const step: Step = { role: 'frame', text: `SELECT pg_catalog.set_config('search_path', $1, true)`, values: [path] };
  return [step, roleStep(settings)];
}

/** The statements that make a transaction safe to run anything in. */
function guardSteps(frame: SegmentFrame, first: FirstCheck | undefined): Step[] {
  const { work, settings, tableExists } = frame;
  const steps: Step[] = [];
  for (const item of frame.prelude ?? []) steps.push({ role: 'prelude', ...item });
  if ((frame.prelude ?? []).length + (frame.hooks?.opening ?? []).length > 0) steps.push(FOR_GUARDS);
  if (settings.role !== undefined) steps.push(roleStep(settings));
  if (work.schemaOid === null) {
    const distributed = frame.onCitus === true && settings.distribute === true;
    if (distributed) steps.push(frameStep(schemaSharding(true)));
    steps.push({ role: 'prelude', text: `CREATE SCHEMA ${quoteIdentifier(work.tenant)}` });
    if (distributed) steps.push(frameStep(schemaSharding(false)));
  }
  if (frame.onCitus === true && tableExists) {
    steps.push({ role: 'lock', ...nodeLockGuard(work.tenant, settings.migrationsTable) });
  }
  const [list, place] = placeGuards(frame, first?.check);
  steps.push({ role: 'guard', ...list });
  steps.push({ role: 'guard', ...place, ...(first === undefined ? {} : { checks: first.migration }) });
  steps.push(FOR_USERS);
  if (!tableExists && frame.segment.schemaOnly !== true) {
    steps.push({ role: 'bookkeeping', ...createMigrationsTable(work.tenant, settings.migrationsTable) });
  }
  return steps;
}

/**
 * The guards of everything that runs in a schema: it is as it was seen, and it is the one that was seen. The last one sets the
 * search path for the transaction.
 */
export function placeGuards(
  { work, plan, settings, applied, tableExists }: SegmentFrame,
  check?: FallThroughCheck,
): [list: BatchItem, place: BatchItem] {
  const registry = plan.scope.kind === 'tenants' ? settings.registry : undefined;
  return [
    listGuard(work.tenant, tableExists ? applied : undefined, settings.migrationsTable, fileOrderOf(plan, applied)),
    placeGuard(work.tenant, work.schemaOid, pathOf(work.tenant, plan, settings), registry, check),
  ];
}

/** Before a rollback, where the times of what is applied have another order than the files. */
function fileOrderOf({ direction, fileOrder }: Plan, applied: readonly string[]): readonly string[] | undefined {
  // What an earlier transaction of the plan has undone was looked at there.
  return direction === 'down' && fileOrder?.length === applied.length ? fileOrder : undefined;
}

/** The schemas whose objects a schema's statements find, its own first. */
export function pathOf(schema: string, plan: Plan, settings: ApplySettings): string {
  const own = plan.scope.kind === 'shared' ? [schema] : [schema, settings.sharedSchema];
  return searchPath([...own, ...settings.extraSearchPath]);
}

function searchPathStep({ work, plan, settings }: SegmentFrame, migration?: CompiledMigration): Step {
  return {
    role: 'frame',
    text: `SET LOCAL search_path TO ${pathOf(work.tenant, plan, settings)}`,
    ...(migration === undefined ? {} : { migration }),
  };
}

/** A migration's `SET ROLE` ends with it, as it would if the migrations were applied one at a time. */
function roleStep({ role }: ApplySettings): Step {
  return { role: 'frame', text: role === undefined ? 'RESET ROLE' : `SET LOCAL ROLE ${quoteIdentifier(role)}` };
}

/** Rows may be waiting for deferred constraints when the migration is done. */
function mayWrite(migration: CompiledMigration): boolean {
  return migration.mode === 'direct' || migration.statements.some((statement) => statement.writes === true);
}

function checkOf(migration: CompiledMigration, { plan, settings }: SegmentFrame): FallThroughCheck | undefined {
  const mode = fallThroughOf(migration, plan, settings);
  return mode === 'off' || migration.targets.length === 0 ? undefined : { targets: migration.targets, mode };
}

type FirstCheck = { migration: CompiledMigration; check: FallThroughCheck };

/** The check of the first migration, where nothing of the tenant's is changed between the guards and the migration. */
function firstCheck(frame: SegmentFrame): FirstCheck | undefined {
  const { plan, segment, tableExists, hooks } = frame;
  const [migration] = segment.migrations;
  if (migration === undefined || plan.fake || !tableExists || (hooks?.first ?? []).length > 0) return undefined;
  const check = checkOf(migration, frame);
  return check === undefined ? undefined : { migration, check };
}
