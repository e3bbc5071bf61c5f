import type { Client } from 'pg';

import type { BatchItem } from '../../db/batch.js';
import { isAwaitingAnswer } from '../../db/pg-internals.js';
import { serializeError } from '../../errors/serialize.js';
import type { TenantResult } from '../../executors/types.js';
import type { Project } from '../../project/project.js';
import { fillChecksums, insertChecksums, type NewChecksum, touchChecksums } from '../checksums/store.js';
import type { TouchedFile } from '../checksums/types.js';
import { completeInterrupted } from '../complete/complete-interrupted.js';
import type { Invocation, PlannedTenants, ReadPlaces, RecordedShared, RunCounts } from '../types.js';
import { JournalWriter } from './journal-writer.js';
import { finishRun, insertPlans, removeResults, type Timed, updateRun, writeResults } from './statements.js';

/** Pause between two writes while a run goes on, in ms: no more of the record is missing when the process is killed. */
const PERIOD_MS = 400;

/** The last writes are tried so often. */
const LAST_TRIES = 3;

export type RunJournalOptions = {
  command: 'migrate' | 'rollback' | 'adopt-history';
  wholeFleet: boolean;
  invocation: Invocation | undefined;
};

/** What happens in a run, as far as the journal listens. */
export type JournalEvent =
  | { type: 'tenant:start'; tenant: string }
  | { type: 'tenant:done'; result: TenantResult }
  | { type: 'shared'; result: RecordedShared }
  | { type: 'surveyed'; total: number; upToDate: number };

/** What is known before the first change. */
export type RunBegin = {
  shared: readonly string[];
  files: { checksums: readonly NewChecksum[]; touched: readonly TouchedFile[] };
  readPlaces: ReadPlaces;
};

/** How a run has ended. */
export type RunEnd = {
  exitCode: number;
  counts: RunCounts;
  shared: RecordedShared;
  results: readonly TenantResult[];
};

/**
 * The record of one `migrate` or `rollback`, written by the control connection while the run goes on. It listens; the run waits
 * for it before the first change, before each round and at the end alone, and never for long.
 */
export class RunJournal {
  /** What the report should say about the record. */
  readonly warnings: string[] = [];
  readonly #project: Project;
  readonly #control: () => Client;
  readonly #options: RunJournalOptions;
  readonly #writer: JournalWriter;
  readonly #startedAt = Date.now();
  readonly #starts = new Map<string, number>();
  /** What was announced or reported of each tenant, with its times. */
  readonly #seen = new Map<string, Timed>();
  /** What is still to be written. */
  #open = new Map<string, Timed>();
  #shared: RecordedShared | undefined;
  #counts: RunCounts = {};
  #files: RunBegin['files'] = { checksums: [], touched: [] };
  #plans: PlannedTenants[] = [];
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;

  constructor(project: Project, control: () => Client, options: RunJournalOptions) {
    this.#project = project;
    this.#control = control;
    this.#options = options;
    const warn = (message: string): void => void this.warnings.push(message);
    this.#writer = new JournalWriter(project, control, warn, (schema, run) => this.#recorded(schema, run));
  }

  /** The number of the run, or `null` when it is not recorded. */
  get run(): number | null {
    return this.#writer.id ?? null;
  }

  /**
   * Begins the record, before the first change: makes the journal where there is none, and completes the records of runs that
   * were ended from outside.
   *
   * @param start.shared the shared migrations that are going to be applied or undone
   * @param start.files checksums of what is going to be applied, or was applied before it was recorded
   */
  async begin({ shared, files, readPlaces }: RunBegin): Promise<void> {
    const place = await this.#writer.open();
    if (place === undefined) return;
    const { command, wholeFleet, invocation } = this.#options;
    await this.#writer.begin({
      command,
      invocation,
      startedAt: this.#startedAt,
      wholeFleet,
      direction: command === 'rollback' ? 'down' : 'up',
      sharedSchema: this.#project.shared.schema,
      shared: shared.length === 0 ? null : { status: 'running', migrations: [...shared], error: null },
    });
    const { id } = this.#writer;
    if (id === undefined) return;
    this.#files = files;
    if (files.checksums.length + files.touched.length > 0) {
      await this.#writer.send((schema, run) => fileItems(schema, run, files));
    }
    await completeInterrupted({ project: this.#project, client: this.#control(), place, before: id, readPlaces });
    this.#timer = setInterval(() => void this.#flush(), PERIOD_MS);
    this.#timer.unref();
  }

  /** Records what a round is about to hand out. */
  async plan(cohorts: readonly PlannedTenants[]): Promise<void> {
    if (this.#writer.id === undefined || cohorts.length === 0) return;
    const first = this.#plans.length;
    this.#plans.push(...cohorts);
    await this.#writer.send((schema, run) => [
      ...insertPlans(schema, run, first, cohorts),
      updateRun(schema, run, this.#counts, this.#shared),
    ]);
  }

  /** Notes what has happened. Never throws, and does no work beyond that. */
  handle(given: { type: string }): void {
    const event = given as JournalEvent;
    switch (event.type) {
      case 'tenant:start':
        this.#starts.set(event.tenant, Date.now());
        break;
      case 'tenant:done':
        this.#note(event.result);
        break;
      case 'shared':
        this.#shared = event.result;
        break;
      case 'surveyed':
        this.#counts = { total: event.total, upToDate: event.upToDate };
        break;
      default:
    }
  }

  /** Writes what has happened so far. */
  async checkpoint(): Promise<void> {
    await this.#flushing;
    if (this.#open.size === 0 || this.#writer.id === undefined) return;
    this.#flushing = this.#flushOnce().finally(() => (this.#flushing = undefined));
    await this.#flushing;
  }

  /** Ends the record with what the report says, which may differ from what was announced. */
  async end({ results, counts, shared, exitCode }: RunEnd): Promise<void> {
    const ended = { exitCode, counts, shared, error: null };
    await this.#finish(this.#options.command === 'rollback' ? undone(ended) : ended, results);
  }

  /** Ends the record of a run that failed as a whole. */
  async fail(error: unknown, exitCode: number): Promise<void> {
    const serialized = serializeError(error);
    const end = { exitCode, counts: this.#counts, shared: this.#shared ?? null, error: serialized };
    await this.#finish(end, undefined);
  }

  async #finish(
    end: Omit<RunEnd, 'results' | 'shared'> & { shared: RecordedShared | null; error: unknown },
    results: readonly TenantResult[] | undefined,
  ): Promise<void> {
    clearInterval(this.#timer);
    await this.#flushing;
    if (this.#writer.id === undefined) return;
    const gone = results === undefined ? [] : this.#reconcile(results);
    for (let left = LAST_TRIES; left > 0 && this.#writer.id !== undefined; left -= 1) {
      const rows = [...this.#open.values()];
      const answers = await this.#writer.send((schema, run) => [
        ...(rows.length === 0 ? [] : [writeResults(schema, run, rows)]),
        ...(gone.length === 0 ? [] : [removeResults(schema, run, gone)]),
        finishRun(schema, run, end),
        ...(this.#files.checksums.some(({ asFound }) => !asFound) ? fillChecksums(schema, run) : []),
      ]);
      if (answers !== undefined) return;
    }
    this.#writer.lost();
  }

  /** Tenants whose last result was not announced, and those that are not in the report. */
  #reconcile(results: readonly TenantResult[]): string[] {
    for (const result of results) if (this.#seen.get(result.tenant)?.result !== result) this.#note(result);
    const reported = new Set(results.map(({ tenant }) => tenant));
    const gone = [...this.#seen.keys()].filter((tenant) => !reported.has(tenant));
    for (const tenant of gone) {
      this.#open.delete(tenant);
      this.#seen.delete(tenant);
    }
    return gone;
  }

  #note(result: TenantResult): void {
    if (result.status === 'upToDate') return;
    const startedAt = this.#starts.get(result.tenant);
    const durationMs =
      'durationMs' in result ? result.durationMs : startedAt === undefined ? undefined : Date.now() - startedAt;
    const timed = { result, startedAt, durationMs };
    this.#seen.set(result.tenant, timed);
    this.#open.set(result.tenant, timed);
  }

  /** All that was recorded since the run began. */
  #recorded(schema: string, run: number): BatchItem[] {
    return [
      ...fileItems(schema, run, this.#files),
      ...insertPlans(schema, run, 0, this.#plans),
      ...(this.#seen.size === 0 ? [] : [writeResults(schema, run, [...this.#seen.values()])]),
    ];
  }

  async #flush(): Promise<void> {
    // The connection may wait for a synchronous standby; the record can wait as well.
    if (this.#open.size === 0 || isAwaitingAnswer(this.#control())) return;
    this.#flushing ??= this.#flushOnce().finally(() => (this.#flushing = undefined));
    await this.#flushing;
  }

  async #flushOnce(): Promise<void> {
    const rows = this.#open;
    this.#open = new Map();
    const answers = await this.#writer.send((schema, run) => [
      writeResults(schema, run, [...rows.values()]),
      updateRun(schema, run, this.#tally(), this.#shared),
    ]);
    // What came in meanwhile is newer.
    if (answers === undefined) this.#open = new Map([...rows, ...this.#open]);
  }

  /** How far the run is. */
  #tally(): RunCounts {
    const done = this.#options.command === 'rollback' ? 'rolledBack' : 'applied';
    const counts: RunCounts = { [done]: 0, failed: 0, notExecuted: 0, missing: 0 };
    for (const { result } of this.#seen.values()) counts[result.status] = (counts[result.status] ?? 0) + 1;
    return { ...this.#counts, ...counts };
  }
}

function fileItems(schema: string, run: number, { checksums, touched }: RunBegin['files']): BatchItem[] {
  return [
    ...(checksums.length === 0 ? [] : [insertChecksums(schema, run, checksums)]),
    ...touchChecksums(schema, touched),
  ];
}

/** A report says `applied` whichever way the run went. Pure. */
function undone<T extends { counts: RunCounts; shared: RecordedShared }>(end: T): T {
  const { applied, ...counts } = end.counts;
  const { shared } = end;
  return {
    ...end,
    counts: { ...counts, rolledBack: applied ?? 0 },
    shared: { ...shared, status: shared.status === 'applied' ? 'rolledBack' : shared.status },
  };
}
