import type { MigrationBuilder } from 'node-pg-migrate';

import type { Direction, MigrationFile, MigrationSource } from '../types.js';
import { replaceDatabase, wrapActions, type Building } from './actions.js';
import { failWhenStuck } from './fail-when-stuck.js';
import { loadedStrategies, type LoadedMigrations } from './load.js';
import { runNodePgMigrate } from './run-node-pg-migrate.js';
import { createScriptedDatabase } from './scripted-database.js';
import { watchCalls } from './watch-calls.js';

/** What building one migration came to. */
export type Recording = {
  steps: string[];
  transaction: boolean;
  /** The migration asked the database (`pgm.db.query`, `pgm.db.select`); it was stopped there. */
  asked?: string;
  /** What its code threw. */
  failure?: { error: unknown };
  /** Line of the file in which each step was made, where that is known. Only when it was asked for. */
  lines?: (number | undefined)[];
};

export type RecordOptions = {
  source: MigrationSource;
  files: readonly MigrationFile[];
  loaded: LoadedMigrations;
  /** Names to build, at least one; all of them have the action for the direction. */
  names: ReadonlySet<string>;
  direction: Direction;
  migrationsTable: string;
  standIn: string;
  /** Called before a migration is built, to prepare its builder. */
  prepare(file: MigrationFile, pgm: MigrationBuilder): void;
  /** Find out in which line each step is made. */
  lines?: boolean | undefined;
  /** Surrounds the code of one migration. */
  watch(file: MigrationFile, action: () => Promise<void>): Promise<void>;
};

/**
 * Lets node-pg-migrate build the named migrations in one run and records what each would send.
 *
 * A migration that fails or asks the database ends there, and the run goes on with the next one.
 */
export async function recordMigrations(options: RecordOptions): Promise<Map<string, Recording>> {
  const { source, files, loaded, names, direction, migrationsTable, standIn, prepare, lines, watch } = options;
  const recordings = new Map<string, Recording>();
  const applied = files.map(({ name }) => name).filter((name) => names.has(name) === (direction === 'down'));
  const script = createScriptedDatabase({ standIn, direction, applied });

  const around = async (building: Building): Promise<void> => {
    const { file, pgm } = building;
    prepare(file, pgm);
    const madeIn = lines === true ? watchCalls(building) : undefined;
    const recording = await build(building, (action) => watch(file, action));
    if (madeIn !== undefined) recording.lines = madeIn();
    recordings.set(file.name, recording);
    script.expect({ file, steps: recording.steps, transaction: pgm.isUsingTransaction() });
  };
  const strategies = loadedStrategies(files, (file) =>
    wrapActions(loaded.get(file.path) ?? {}, file, direction, around),
  );
  await runNodePgMigrate({ source, files, direction, migrationsTable, standIn, count: names.size, script, strategies });
  return recordings;
}

async function build(building: Building, watch: (action: () => Promise<void>) => Promise<void>): Promise<Recording> {
  const { file, pgm, act } = building;
  const recording: Recording = { steps: [], transaction: true };
  const asked = stopAtQuestions(building, recording);
  try {
    await watch(() => failWhenStuck(file, () => pgm.getSqlSteps().length, Promise.race([act(), asked])));
  } catch (error) {
    recording.failure = { error };
  }
  recording.steps = [...pgm.getSqlSteps()];
  if (recording.asked === undefined) recording.transaction = pgm.isUsingTransaction();
  return recording;
}

/**
 * Questions to the database get no answer, ever: the code that waits for one stops there and is forgotten.
 *
 * An error instead could be caught by the migration, which would then build something else. In reverse mode the
 * builder's own functions stay: they refuse. Resolves at the first question.
 */
function stopAtQuestions({ pgm, reverse }: Building, recording: Recording): Promise<void> {
  return new Promise<void>((resolve) => {
    if (reverse) return;
    const ask = (what: string) => (): Promise<never> => {
      if (recording.asked === undefined) {
        recording.asked = what;
        recording.transaction = pgm.isUsingTransaction();
      }
      resolve();
      return new Promise<never>(() => undefined);
    };
    replaceDatabase(pgm, { query: ask('pgm.db.query'), select: ask('pgm.db.select') });
  });
}
