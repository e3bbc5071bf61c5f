import { isBuilderFormat } from '../formats/types.js';
import type { Direction, MigrationFile, MigrationSource } from '../types.js';
import { missingAction } from './actions.js';
import { chooseMode, type Built } from './choose-mode.js';
import type { Directives } from './directives.js';
import { loadFresh } from './load-fresh.js';
import { isSqlFile, loadMigrations, type LoadedMigrations } from './load.js';
import { createNondeterminismLog } from './nondeterminism-log.js';
import { builderActions, missingFunction } from './query-builders/actions.js';
import type { QueryBuilder } from './query-builders/types.js';
import { recordMigrations, type Recording } from './record.js';
import { replaceSources, type Watch, watchNondeterminism } from './watch-nondeterminism.js';

/** A migration to build, and what the comments in its file ask for. */
export type WantedMigration = {
  file: MigrationFile;
  directives: Directives;
  /** Text of the file, for `.sql` files only. */
  text: string | undefined;
};

export type Builder = {
  /** Builds migrations in one direction; answers in the order of the question. */
  build(wanted: readonly WantedMigration[], direction: Direction): Promise<Built[]>;
};

/** How one of the two passes differs from the other. */
type Pass = { standIn: string; shiftMs: number; affectedRows: number };

const FIRST: Pass = { standIn: 'tenants_stand_in_first', shiftMs: 0, affectedRows: 0 };

/** No unit of a date is the same in both passes: 400 days, 5 hours, 7 minutes and 11.013 seconds lie between them. */
const SECOND: Pass = {
  standIn: 'tenants_stand_in_second',
  shiftMs: ((400 * 24 + 5) * 60 + 7) * 60_000 + 11_013,
  affectedRows: 3,
};

/**
 * Builds migrations without a database, twice, to find out whether their SQL is the same for every tenant.
 *
 * The second pass has other clocks, another stand-in and freshly evaluated modules. SQL files need no second pass. All
 * files are evaluated once a pass for the life of the builder.
 *
 * @param options.lines find out in which line of a script each step is made
 */
export function createBuilder(
  source: MigrationSource,
  files: readonly MigrationFile[],
  migrationsTable: string,
  options: { lines?: boolean } = {},
): Builder {
  const uses = createNondeterminismLog();
  let fresh: Promise<LoadedMigrations> | undefined;
  let builder: QueryBuilder | undefined;

  return {
    build: (wanted, direction) =>
      files.every((file) => isSqlFile(file))
        ? buildAll(wanted, direction)
        : replaceSources(() => buildAll(wanted, direction)),
  };

  async function buildAll(wanted: readonly WantedMigration[], direction: Direction): Promise<Built[]> {
    // Before any code of the project: what the package does while it is loaded is not the migrations' doing.
    builder = await builderOfFiles(source, files);
    const first = await loadFirst();
    const missing = wanted.map(({ file }) => {
      const actions = first.get(file.path);
      return builder === undefined
        ? missingAction(actions ?? {}, file, direction)
        : missingFunction(builderActions(actions), direction);
    });
    const runnable = wanted.filter((_, index) => missing[index] === undefined);
    const recorded = await record(first, FIRST, runnable, direction);

    const again = runnable.filter(({ file }) => recorded.get(file.name)?.failure === undefined);
    const repeated = again.every(({ file }) => isSqlFile(file))
      ? recorded
      : await record(await loadSecond(first), SECOND, again, direction, recorded);
    return wanted.map(({ file }, index) =>
      chooseMode({
        file,
        missing: missing[index],
        first: recorded.get(file.name),
        second: repeated.get(file.name),
        used: isSqlFile(file) ? undefined : uses.usedBy(file),
        standIns: [FIRST.standIn, SECOND.standIn],
      }),
    );
  }

  function loadFirst(): Promise<LoadedMigrations> {
    const loading = uses.loadingPass();
    return loadMigrations(source, files, (file, action) =>
      watch(file, { shiftMs: FIRST.shiftMs, notice: loading(file) }, action),
    );
  }

  function loadSecond(first: LoadedMigrations): Promise<LoadedMigrations> {
    const loading = uses.loadingPass();
    fresh ??= loadFresh(source, files, first, (file, action) =>
      watch(file, { shiftMs: SECOND.shiftMs, notice: loading(file) }, action),
    );
    return fresh;
  }

  async function record(
    loaded: LoadedMigrations,
    { standIn, shiftMs, affectedRows }: Pass,
    wanted: readonly WantedMigration[],
    direction: Direction,
    expected?: ReadonlyMap<string, Recording>,
  ): Promise<Map<string, Recording>> {
    if (wanted.length === 0) return new Map();
    const watchBuilding = (file: MigrationFile, action: () => Promise<void>): Promise<void> =>
      watch(file, { shiftMs, notice: uses.building(file), ignored: builder?.root }, action);
    if (builder !== undefined) {
      const { recordWithBuilder } = await import('./query-builders/record.js');
      const chosen = wanted.map(({ file, directives: { noTransaction } }) => ({ file, noTransaction }));
      const tool = { loaded, wanted: chosen, direction, affectedRows, expected, watch: watchBuilding };
      return await recordWithBuilder(tool, builder);
    }
    const directives = new Map(wanted.map(({ file, directives }) => [file.name, directives]));
    return await recordMigrations({
      source,
      files,
      loaded,
      names: new Set(directives.keys()),
      direction,
      migrationsTable,
      standIn,
      lines: options.lines,
      prepare({ name }, pgm) {
        if (directives.get(name)?.noTransaction === true) pgm.noTransaction();
      },
      watch: watchBuilding,
    });
  }
}

/** The query builder that the files are written for, loaded from their project. */
async function builderOfFiles(
  source: MigrationSource,
  files: readonly MigrationFile[],
): Promise<QueryBuilder | undefined> {
  const format = files[0]?.format;
  if (!isBuilderFormat(format)) return undefined;
  const { loadBuilder } = await import('./query-builders/load-builder.js');
  return await loadBuilder(format, source);
}

/** SQL files run no code. */
async function watch<T>(file: MigrationFile, how: Watch, action: () => T | Promise<T>): Promise<T> {
  return isSqlFile(file) ? await action() : await watchNondeterminism(how, action);
}
