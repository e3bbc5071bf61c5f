import { TenantsError } from '../../errors/tenants-error.js';
import { foreignFormatError, recognizedAs, settingOf } from '../formats/foreign.js';
import { builderOf, markedFor } from '../formats/markers.js';
import { isBuilderFormat } from '../formats/types.js';
import { loadSqlParser } from '../sql/parse/parser.js';
import { formatRefusals } from '../sql/rules/format-refusals.js';
import type { Refusal } from '../sql/types.js';
import type { ApplySettings, CompiledMigration, Direction, MigrationFile, MigrationSource } from '../types.js';
import { createBuilder, type WantedMigration } from './build.js';
import type { Built } from './choose-mode.js';
import { readDirectives } from './directives.js';
import { compileFailure, type Complaints } from './failure.js';
import { isSqlFile } from './load.js';
import { readText } from './read-text.js';
import { toCompiledMigration } from './to-compiled.js';

export type CompilerOptions = {
  migrationsTable: string;
  /** Extensions that exist in the database or are created by the shared plan. */
  extensions: ReadonlySet<string>;
  /** Refuse migrations that create any other extension; false for the shared schema's own migrations. */
  checkExtensions: boolean;
  /** What becomes of statements that change what is outside a tenant; `off` for the shared schema's own migrations. */
  fallThrough: ApplySettings['fallThrough'];
};

/** Finds out, without a database, what migrations do. */
export type Compiler = {
  /**
   * What the named migrations do in a direction, in the order given; each is compiled once for the life of the compiler.
   *
   * Throws `MIGRATION_REFUSED` with everything that is wrong with any of them, `MIGRATIONS_UNREADABLE` for a file of the
   * directory that cannot be loaded, and `UNKNOWN_MIGRATION` for a name that has no file.
   */
  compile(names: string[], direction: Direction): Promise<CompiledMigration[]>;
  /** What should be known about the migrations compiled so far. */
  readonly warnings: string[];
};

/**
 * A compiler for one directory.
 *
 * Migrations run here: each `up` or `down` at least twice, and all files of the directory are evaluated twice.
 */
export function createCompiler(source: MigrationSource, files: MigrationFile[], options: CompilerOptions): Compiler {
  const builder = createBuilder(source, files, options.migrationsTable);
  const compiled = new Map<string, CompiledMigration>();
  let turn: Promise<unknown> = Promise.resolve();

  const compileMissing = async (names: string[], direction: Direction): Promise<void> => {
    const missing = new Set(names.filter((name) => !compiled.has(key(name, direction))));
    if (missing.size === 0) return;
    assertKnown(missing, files);
    await loadSqlParser();
    const { wanted, built, refusals } = await buildMissing(missing, direction);

    const complaints: Complaints = { failures: [], refusals: [...refusals] };
    const rules = {
      extensions: options.checkExtensions ? options.extensions : undefined,
      fallThrough: options.fallThrough,
    };
    const finished = wanted.flatMap((one, index) => {
      const outcome = built[index];
      return outcome === undefined ? [] : (toCompiledMigration(outcome, one, direction, rules, complaints) ?? []);
    });
    if (complaints.failures.length + complaints.refusals.length > 0) throw compileFailure(complaints);
    for (const migration of finished) compiled.set(key(migration.name, direction), migration);
  };

  const buildMissing = async (
    missing: ReadonlySet<string>,
    direction: Direction,
  ): Promise<{ wanted: WantedMigration[]; built: Built[]; refusals: Refusal[] }> => {
    const format = files[0]?.format;
    if (format !== undefined && !isBuilderFormat(format)) {
      const { buildScripts } = await import('./build-scripts.js');
      return await buildScripts(source, files, missing, direction);
    }
    const wanted = await readWanted(
      files.filter(({ name }) => missing.has(name)),
      direction,
    );
    return { wanted, built: await builder.build(wanted, direction), refusals: [] };
  };

  return {
    async compile(names, direction) {
      // One after the other: a name asked for twice at the same time is compiled once.
      const mine = turn.then(() => compileMissing(names, direction));
      turn = mine.catch(() => undefined);
      await mine;
      return names.flatMap((name) => compiled.get(key(name, direction)) ?? []);
    },
    get warnings() {
      const recognized = compiled.size > 0 && source.format === 'auto' ? recognizedAs(source, files) : [];
      return [...new Set([...recognized, ...[...compiled.values()].flatMap(({ warnings }) => warnings)])];
    },
  };
}

function key(name: string, direction: Direction): string {
  return `${direction} ${name}`;
}

function assertKnown(names: ReadonlySet<string>, files: readonly MigrationFile[]): void {
  const known = new Set(files.map(({ name }) => name));
  const unknown = [...names].filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new TenantsError('UNKNOWN_MIGRATION', `No migration file exists for ${unknown.join(', ')}.`, {
    suggestions: ['Restore the file; what a migration did cannot be known without it.'],
  });
}

/** A file of dbmate or goose as a whole would undo what it does, and functions of others are given another argument here. */
function assertUnmarked({ path }: MigrationFile, text: string, sql: boolean): void {
  const builder = sql ? undefined : builderOf(text);
  const tool = sql ? markedFor(text)[0] : builder === 'node-pg-migrate' ? undefined : builder;
  if (tool !== undefined) throw foreignFormatError(path, { format: tool, setting: settingOf(tool) });
}

/** Throws `MIGRATION_REFUSED` for files that are not UTF-8: what they hold cannot be examined. */
async function readWanted(files: readonly MigrationFile[], direction: Direction): Promise<WantedMigration[]> {
  const refusals: Refusal[] = [];
  const read = await Promise.all(files.map(async (file) => ({ file, outcome: await readText(file) })));
  const wanted = read.flatMap(({ file, outcome }): WantedMigration[] => {
    if ('refusal' in outcome) {
      refusals.push(outcome.refusal);
      return [];
    }
    const sql = isSqlFile(file);
    const { text } = outcome;
    if (file.format === undefined) assertUnmarked(file, text, sql);
    return [{ file, directives: readDirectives(text, direction, sql), text: sql ? text : undefined }];
  });
  if (refusals.length > 0) {
    const files = refusals.length === 1 ? '1 migration file is' : `${refusals.length} migration files are`;
    throw formatRefusals(refusals, `${files} not UTF-8; nothing was touched.`);
  }
  return wanted;
}
