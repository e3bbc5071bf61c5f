import { setImmediate } from 'node:timers/promises';

import { shorten } from '../../sql/rules/shorten.js';
import type { Direction, MigrationFile } from '../../types.js';
import { failWhenStuck } from '../fail-when-stuck.js';
import type { LoadedMigrations } from '../load.js';
import type { Recording } from '../record.js';
import { builderActions, isTransactional } from './actions.js';
import { inlineValues } from './inline-values.js';
import type { BuilderSession, QueryBuilder, SentStatement } from './types.js';

export type BuilderRecordOptions = {
  loaded: LoadedMigrations;
  /** Migrations to build, all of which have the function for the direction. */
  wanted: readonly { file: MigrationFile; noTransaction: boolean }[];
  direction: Direction;
  /** What is said to be changed by each statement that changes rows; another number in each pass shows who decides by it. */
  affectedRows: number;
  /** What the pass before has recorded: a migration that sends anything else needs to be followed no further. */
  expected: ReadonlyMap<string, Recording> | undefined;
  /** Surrounds the code of one migration. */
  watch(file: MigrationFile, action: () => Promise<void>): Promise<void>;
};

/** Loops that wait for an answer which they never get end here. */
const MOST_STATEMENTS = 10_000;
const MOST_IN_A_ROW = 100;

/**
 * Runs migrations of a query builder one after the other and records what each would send, values included.
 *
 * A migration that fails or asks the database ends there, and the next one is run.
 */
export async function recordWithBuilder(
  options: BuilderRecordOptions,
  builder: QueryBuilder,
): Promise<Map<string, Recording>> {
  const { loaded, wanted, direction, affectedRows, expected, watch } = options;
  const recordings = new Map<string, Recording>();
  const inOrder = direction === 'up' ? wanted : wanted.toReversed();
  for (const { file, noTransaction } of inOrder) {
    const actions = builderActions(loaded.get(file.path));
    const action = actions[direction] as (handle: unknown) => unknown;
    const before = expected?.get(file.name)?.steps;
    const recorder = new Recorder(file, isTransactional(actions, noTransaction), affectedRows, before);
    await recorder.record((session) => watch(file, () => builder.run(session, action)));
    recordings.set(file.name, recorder.recording);
  }
  return recordings;
}

class Recorder {
  readonly recording: Required<Pick<Recording, 'lines'>> & Recording;
  readonly #file: MigrationFile;
  readonly #affectedRows: number;
  readonly #expected: readonly string[] | undefined;
  #counted: string | undefined;
  #inARow = 0;
  #stop: () => void = () => undefined;

  constructor(
    file: MigrationFile,
    transaction: boolean,
    affectedRows: number,
    expected: readonly string[] | undefined,
  ) {
    this.#file = file;
    this.#affectedRows = affectedRows;
    this.#expected = expected;
    this.recording = { steps: [], lines: [], transaction };
  }

  async record(run: (session: BuilderSession) => Promise<void>): Promise<void> {
    const { recording } = this;
    const stopped = new Promise<void>((resolve) => {
      this.#stop = resolve;
    });
    const session: BuilderSession = {
      path: this.#file.path,
      transaction: recording.transaction,
      recording: true,
      answer: (statement) => this.#answer(statement),
      savepoint: (sql) => this.#savepoint(sql),
      settled: async () => {
        // Nothing but promises lies between a call and its statement.
        await setImmediate();
      },
    };
    try {
      await failWhenStuck(this.#file, () => recording.steps.length, Promise.race([run(session), stopped]));
    } catch (error) {
      recording.failure = { error };
      if (this.#counted !== undefined) recording.asked ??= this.#counted;
    }
  }

  async #answer({ text, values, line, wanted }: SentStatement): Promise<unknown> {
    const { recording } = this;
    const { steps, lines } = recording;
    if (wanted === 'rows' || steps.length >= MOST_STATEMENTS) return await this.#ask(text);
    const sql = inlineValues(text, values);
    this.#inARow = steps.at(-1) === sql ? this.#inARow + 1 : 0;
    if (recording.asked !== undefined || this.#inARow >= MOST_IN_A_ROW) return await this.#ask(text);
    if (this.#expected !== undefined && this.#expected[steps.length] !== sql) return await this.#differ(text);
    steps.push(sql);
    lines.push(line);
    if (wanted === 'guarded') return this.#guarded(text);
    this.#counted ??= shorten(text);
    return this.#affectedRows;
  }

  /** Most likely because of the number of rows that an earlier statement was said to have changed. */
  async #differ(text: string): Promise<never> {
    if (this.#counted !== undefined) return await this.#ask(this.#counted);
    this.recording.failure ??= { error: new Error(`It was not built before: ${text}`) };
    this.#stop();
    return await new Promise<never>(() => undefined);
  }

  /** What happens between the savepoints is part of the transaction, unless it is undone. */
  async #savepoint(sql: string): Promise<void> {
    if (sql.startsWith('ROLLBACK')) await this.#ask(sql);
  }

  /** There is no answer, ever: an error could be caught by the migration, which would then build something else. */
  #ask(what: string): Promise<never> {
    this.#note(what);
    return new Promise<never>(() => undefined);
  }

  #note(what: string): void {
    this.recording.asked ??= shorten(what);
    this.#stop();
  }

  /** An answer that most migrations do not look at; who does has asked the database. Promises look for `then`. */
  #guarded(text: string): object {
    return new Proxy(
      {},
      {
        get: (_target, property) => {
          if (typeof property === 'string' && property !== 'then') this.#note(text);
          return property === 'rows' ? [] : undefined;
        },
      },
    );
  }
}
