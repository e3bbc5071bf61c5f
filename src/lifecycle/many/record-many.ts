import type { Client } from 'pg';

import type { BatchItem } from '../../db/batch.js';
import { isAwaitingAnswer } from '../../db/pg-internals.js';
import { insertChecksums, type NewChecksum, noteFirst } from '../../journal/checksums/store.js';
import type { Invocation, RunCounts } from '../../journal/types.js';
import { JournalWriter } from '../../journal/write/journal-writer.js';
import { finishRun, type ResultRow, updateRun, writeRows } from '../../journal/write/statements.js';
import type { Project } from '../../project/project.js';
import { redactDeep } from '../../util/redact.js';
import type { LineResult } from './types.js';

/** Pause between two writes, in ms. */
const PERIOD_MS = 400;

/** The last writes are tried so often. */
const LAST_TRIES = 3;

/**
 * The record of a creation of many tenants. All of them are announced first, so that a later run can say what became of each when
 * this one is killed.
 */
export class ManyRecord {
  readonly warnings: string[] = [];
  readonly #client: Client;
  readonly #writer: JournalWriter;
  readonly #startedAt = Date.now();
  readonly #counts: RunCounts;
  #checksums: readonly NewChecksum[] = [];
  #open: ResultRow[] = [];
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;

  constructor(project: Project, client: Client, counts: { total: number; exists: number }) {
    this.#client = client;
    this.#counts = { ...counts };
    this.#writer = new JournalWriter(
      project,
      () => client,
      (message) => void this.warnings.push(message),
    );
  }

  get run(): number | null {
    return this.#writer.record?.id ?? null;
  }

  async begin(
    tenants: readonly string[],
    checksums: readonly NewChecksum[],
    invocation: Invocation | undefined,
  ): Promise<void> {
    if ((await this.#writer.open()) === undefined) return;
    const common = { direction: null, sharedSchema: null, shared: null, wholeFleet: false };
    await this.#writer.begin({ command: 'create-tenant', invocation, startedAt: this.#startedAt, ...common });
    if (this.#writer.id === undefined) return;
    this.#checksums = checksums;
    await this.#writer.send((schema, run) => [
      writeRows(
        schema,
        run,
        tenants.map((tenant) => ({ tenant, status: 'running' })),
      ),
      ...(checksums.length === 0 ? [] : [insertChecksums(schema, run, checksums)]),
    ]);
    this.#timer = setInterval(() => void this.#flush(), PERIOD_MS);
    this.#timer.unref();
  }

  /** Notes what became of a tenant; writes it soon. */
  note(result: LineResult): void {
    if (this.#writer.id === undefined || result.status === 'exists') return;
    this.#counts[result.status] = (this.#counts[result.status] ?? 0) + 1;
    this.#open.push(rowOf(result));
  }

  /** @param first the first new tenant of each type */
  async end(exitCode: number, counts: RunCounts, first: ReadonlyMap<string | null, string>): Promise<void> {
    clearInterval(this.#timer);
    await this.#flushing;
    for (let left = LAST_TRIES; left > 0 && this.#writer.id !== undefined; left -= 1) {
      const answers = await this.#writer.send((schema, run): BatchItem[] => [
        ...(this.#open.length === 0 ? [] : [writeRows(schema, run, this.#open)]),
        finishRun(schema, run, { exitCode, counts, shared: null, error: null }),
        ...(this.#checksums.length === 0
          ? []
          : [...first].map(([type, tenant]) => noteFirst(schema, run, tenant, { type }))),
      ]);
      if (answers !== undefined) return;
    }
    this.#writer.lost();
  }

  /** The run broke off: what was announced and has no result is left for the next run to find out. */
  async abandon(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    if (this.#open.length === 0 || isAwaitingAnswer(this.#client)) return;
    this.#flushing ??= this.#flushOnce().finally(() => (this.#flushing = undefined));
    await this.#flushing;
  }

  async #flushOnce(): Promise<void> {
    const rows = this.#open;
    this.#open = [];
    const answers = await this.#writer.send((schema, run) => [
      writeRows(schema, run, rows),
      updateRun(schema, run, this.#counts, undefined),
    ]);
    if (answers === undefined) this.#open = [...rows, ...this.#open];
  }
}

function rowOf(result: LineResult): ResultRow {
  const { tenant, status } = result;
  if (result.status === 'notExecuted') return { tenant, status, reason: result.reason };
  if (result.status === 'exists') return { tenant, status };
  const times = {
    started_at: new Date(Date.now() - result.durationMs).toISOString(),
    duration_ms: result.durationMs,
  };
  if (result.status === 'created') return { tenant, status, migrations: result.migrations, ...times };
  const error = redactDeep(result.error);
  const { code, sqlstate, message, migration, file, line, statement } = error;
  return { tenant, status, code, sqlstate, message, migration, file, line, statement, error, ...times };
}
