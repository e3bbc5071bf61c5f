import type { Client } from 'pg';

import type { BatchAnswer, BatchItem } from '../../db/batch.js';
import type { Project } from '../../project/project.js';
import type { JournalPlace, JournalState } from '../place/inspect.js';
import { makeJournal } from '../place/make.js';
import type { Invocation, RecordedShared } from '../types.js';
import { gitCommit } from './git-commit.js';
import { isPassing, sendToJournal } from './send.js';
import { insertRun, type NewRun } from './statements.js';
import { type Who, whoRuns } from './who.js';

/** What is known of a run when its record begins. */
export type RunStart = {
  command: string;
  invocation: Invocation | undefined;
  /** A reading of `Date.now()`. */
  startedAt: number;
  wholeFleet: boolean;
  direction: 'up' | 'down' | null;
  sharedSchema: string | null;
  shared: RecordedShared | null;
};

/** Writes that failed one after the other, and may yet succeed, before no more are tried. */
const FAILURES_TOLERATED = 8;

/**
 * Sends what is to be recorded of one run. Nothing here throws: the first write that cannot be made ends the record with a
 * warning, and the run goes on.
 */
export class JournalWriter {
  readonly #project: Project;
  readonly #control: () => Client;
  readonly #warn: (message: string) => void;
  readonly #recorded: (schema: string, run: number) => BatchItem[];
  /** Read while the run surveys: files take a moment on a busy machine. */
  readonly #origin: Promise<[Who, string | null]>;
  #place: JournalPlace | undefined;
  #run: { id: number; start: NewRun } | undefined;
  /** The connection that has seen what was written so far. */
  #client: Client | undefined;
  #failures = 0;
  #lastError: unknown = new Error('the server did not take what was written');
  #over = false;

  /** @param recorded what has been recorded so far; a server that took over may have lost any part of it */
  constructor(
    project: Project,
    control: () => Client,
    warn: (message: string) => void,
    recorded: (schema: string, run: number) => BatchItem[] = () => [],
  ) {
    this.#project = project;
    this.#control = control;
    this.#warn = warn;
    this.#recorded = recorded;
    this.#origin = Promise.all([whoRuns(), project.journal === false ? null : gitCommit(project.root)]);
    this.#origin.catch(() => {});
  }

  /** The number of the run; `undefined` while, or because, it is not recorded. */
  get id(): number | undefined {
    return this.#over ? undefined : this.#run?.id;
  }

  /** The number of the run, and where it is recorded, even after the record has broken off. */
  get record(): { id: number; schema: string } | undefined {
    const { id } = this.#run ?? {};
    return id === undefined || this.#place === undefined ? undefined : { id, schema: this.#place.schema };
  }

  /** Makes the journal where there is none. */
  async open(): Promise<JournalPlace | undefined> {
    const { journal, role } = this.#project;
    if (journal === false || this.#over) return undefined;
    try {
      const state = await makeJournal(this.#control(), journal.schema, role);
      if (state.kind === 'ready') this.#place = state.place;
      else this.#stop(state);
    } catch (error) {
      this.#giveUp(error);
    }
    return this.#place;
  }

  /** Begins the record of a run. */
  async begin(start: RunStart): Promise<void> {
    const [{ user, host, version }, commit] = await this.#origin;
    const { command, invocation, startedAt, wholeFleet, direction, sharedSchema, shared } = start;
    const run: NewRun = {
      command,
      commandLine: invocation?.commandLine ?? null,
      startedAt: new Date(startedAt).toISOString(),
      version,
      osUser: user,
      host,
      commit,
      wholeFleet,
      direction,
      sharedSchema,
      shared,
    };
    const answers = await this.send((schema) => [insertRun(schema, run)]);
    const id = Number(answers?.[0]?.rows[0]?.[0]);
    if (Number.isSafeInteger(id) && id > 0) this.#run = { id, start: run };
    else this.lost();
    this.#client = this.#control();
  }

  /**
   * Sends statements as one transaction.
   *
   * @returns their answers; `undefined` when they were not carried out, and may be sent again
   */
  async send(items: (schema: string, run: number) => BatchItem[]): Promise<BatchAnswer[] | undefined> {
    const place = this.#place;
    if (place === undefined || this.#over) return undefined;
    const client = this.#control();
    try {
      const again = client === this.#client ? [] : this.#again(place.schema);
      const answers = await sendToJournal(client, place, [...again, ...items(place.schema, this.#run?.id ?? 0)]);
      this.#client = client;
      this.#failures = 0;
      return answers.slice(again.length);
    } catch (error) {
      this.#failures += 1;
      this.#lastError = error;
      if (!isPassing(error) || this.#failures >= FAILURES_TOLERATED) this.#giveUp(error);
      return undefined;
    }
  }

  /** The end of the record, with the reason of a write that never succeeded. */
  lost(): void {
    if (!this.#over && this.#place !== undefined) this.#giveUp(this.#lastError);
  }

  /** Everything that a failover may have lost. Whichever write is the first on another connection brings it along. */
  #again(schema: string): BatchItem[] {
    if (this.#run === undefined) return [];
    const { id, start } = this.#run;
    return [insertRun(schema, start, id), ...this.#recorded(schema, id)];
  }

  #stop(state: Exclude<JournalState, { kind: 'ready' }>): void {
    if (state.kind === 'outdated') return;
    this.#say(state.why, state.advice);
  }

  #giveUp(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#say(text.replace(/\.+$/, ''), ['The next migrate completes the record.']);
  }

  #say(why: string, advice: readonly string[]): void {
    if (!this.#over) this.#warn([`The journal cannot be written: ${why}.`, ...advice].join(' '));
    this.#over = true;
  }
}
