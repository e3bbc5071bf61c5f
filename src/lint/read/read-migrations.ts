import { analyzeMigration } from '../../engine/compile/analyze-migration.js';
import { createBuilder, type WantedMigration } from '../../engine/compile/build.js';
import type { Built } from '../../engine/compile/choose-mode.js';
import { readDirectives } from '../../engine/compile/directives.js';
import { isSqlFile } from '../../engine/compile/load.js';
import { readText } from '../../engine/compile/read-text.js';
import { isBuilderFormat } from '../../engine/formats/types.js';
import { loadSqlParser } from '../../engine/sql/parse/parser.js';
import { splitSql } from '../../engine/sql/parse/split.js';
import { withoutWholeTransaction } from '../../engine/sql/rules/refusals.js';
import { shorten } from '../../engine/sql/rules/shorten.js';
import type { Refusal } from '../../engine/sql/types.js';
import type { Direction, MigrationFile } from '../../engine/types.js';
import type { LintSet } from '../types.js';
import { placesIn, unknownPlaces } from './places.js';
import type { ReadDirection, ReadMigration, ReadRefusal, ReadStatement } from './types.js';

export type ReadOptions = {
  migrationsTable: string;
  /** Extensions that a tenant migration may rely on; `undefined` lets it create any. */
  extensions: ReadonlySet<string> | undefined;
  fallThrough: 'error' | 'warn' | 'off';
  /** Also read the files behind the last one that is wanted. */
  all?: boolean;
};

/**
 * Reads migrations as rules look at them: every statement with its parse tree and its place in the file. Scripts are run without
 * a database, as for a run. All files up to the last one that is wanted are read, because they say what tables are like.
 *
 * @throws TenantsError MIGRATIONS_UNREADABLE for a file that cannot be read or evaluated.
 */
export async function readMigrations(set: LintSet, options: ReadOptions): Promise<ReadMigration[]> {
  await loadSqlParser();
  const last = set.files.findLastIndex(({ name }) => set.wanted.has(name));
  const files = options.all === true ? set.files : set.files.slice(0, last + 1);
  const build = buildWith(set, options.migrationsTable);
  const up = await build(files, 'up');
  const down = await build(
    files.filter(({ name }) => set.wanted.has(name)),
    'down',
  );
  return files.map((file): ReadMigration => {
    const read = (found: ReadFile | undefined): ReadDirection | undefined =>
      found === undefined ? undefined : readBuilt(file.path, found, options);
    return { file, up: read(up.get(file.name)), down: read(down.get(file.name)) };
  });
}

/** What building one file came to; `refusals` keep it from being built, or are about what was built. */
type ReadFile = {
  text: string;
  wanted?: WantedMigration;
  built?: Built;
  refusals: Refusal[];
};

type Build = (files: readonly MigrationFile[], direction: Direction) => Promise<Map<string, ReadFile>>;

function buildWith({ source, files: all }: LintSet, migrationsTable: string): Build {
  const builder = createBuilder(source, all, migrationsTable, { lines: true });
  return async (files, direction) => {
    if (files.length === 0) return new Map();
    const format = all[0]?.format;
    if (format !== undefined && !isBuilderFormat(format)) return await readScripts(source, all, files, direction);
    const found = new Map<string, ReadFile>();
    const read = await Promise.all(files.map(async (file) => ({ file, outcome: await readText(file) })));
    const wanted = read.flatMap(({ file, outcome }): WantedMigration[] => {
      const text = 'text' in outcome ? outcome.text : '';
      found.set(file.name, { text, refusals: 'text' in outcome ? [] : [outcome.refusal] });
      if (!('text' in outcome)) return [];
      const sql = isSqlFile(file);
      return [{ file, directives: readDirectives(text, direction, sql), text: sql ? text : undefined }];
    });
    const built = wanted.length === 0 ? [] : await builder.build(wanted, direction);
    for (const [index, one] of wanted.entries()) {
      Object.assign(found.get(one.file.name) ?? {}, { wanted: one, built: built[index] });
    }
    return found;
  };
}

/** The same for the formats of other tools. */
async function readScripts(
  source: LintSet['source'],
  all: readonly MigrationFile[],
  files: readonly MigrationFile[],
  direction: Direction,
): Promise<Map<string, ReadFile>> {
  const { buildScripts } = await import('../../engine/compile/build-scripts.js');
  const names = new Set(files.map(({ name }) => name));
  const { wanted, built, refusals } = await buildScripts(source, all, names, direction);
  const found = new Map<string, ReadFile>(files.map(({ name }) => [name, { text: '', refusals: [] }]));
  for (const [index, one] of wanted.entries()) {
    const text = one.text ?? '';
    Object.assign(found.get(one.file.name) ?? {}, { text, wanted: one, built: built[index] });
  }
  for (const refusal of refusals) found.get(refusal.migration)?.refusals.push(refusal);
  return found;
}

function readBuilt(
  path: string,
  { text, wanted, built, refusals: before }: ReadFile,
  options: ReadOptions,
): ReadDirection {
  const refusals: ReadRefusal[] = before.map(({ kind, reason, statement, line }) => ({
    kind,
    reason,
    statement,
    line,
    column: undefined,
  }));
  if (wanted === undefined || built === undefined) {
    return { kind: 'read', path, text, transaction: true, asked: undefined, statements: [], refusals };
  }
  if (built.kind === 'failed') return { kind: built.missing === true ? 'missing' : 'failed', message: built.message };
  const { file, directives } = wanted;
  const { transaction, asked, directBecause, lines } = built;
  const isSql = wanted.text !== undefined;
  const statements: ReadStatement[] = [];
  const fallThrough = directives.allowFallThrough ? 'off' : options.fallThrough;
  const rules = { extensions: options.extensions, fallThrough };
  for (const [index, step] of built.steps.entries()) {
    const line = lines?.[index];
    const found = readStep(step, isSql ? placesIn(text, step, line) : unknownPlaces(line));
    statements.push(...found.statements);
    const known = lines === undefined ? {} : { lines: [line] };
    const analysis = analyzeMigration({ file, steps: [step], ...known, transaction, text: wanted.text, ...rules });
    if (analysis.refusals.length === 0) refusals.push(...found.refusals);
    const places = found.statements.map((one) => one.place(undefined));
    for (const refusal of analysis.refusals) {
      const at = isSql ? refusal.line : line;
      const column = isSql ? places.find((place) => place.line === at)?.column : undefined;
      refusals.push({ kind: refusal.kind, reason: refusal.reason, statement: refusal.statement, line: at, column });
    }
  }
  const why = asked ? directBecause : undefined;
  return { kind: 'read', path: file.path, text, transaction, asked: why, statements, refusals };
}

function readStep(
  step: string,
  places: ReturnType<typeof placesIn>,
): { statements: ReadStatement[]; refusals: ReadRefusal[] } {
  const split = splitSql(step);
  if (!split.ok) {
    const before = step.slice(0, split.position ?? 0);
    const { line, column } = places(Buffer.byteLength(before.replace(/^\uFEFF/, '')));
    const reason = `It is not valid SQL: ${split.message}.`;
    const statement = shorten(step.slice(before.lastIndexOf('\n') + 1).split('\n', 1)[0] ?? '');
    return { statements: [], refusals: [{ kind: 'syntax', reason, statement, line, column }] };
  }
  const statements = withoutWholeTransaction(split.statements) ?? split.statements;
  return {
    refusals: [],
    statements: statements.map(({ sql, node, start }) => ({
      sql: shorten(sql),
      node,
      place: (at) => places(at ?? start),
      end: places(start + Buffer.byteLength(sql)).offset,
    })),
  };
}
