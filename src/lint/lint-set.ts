import type { Node } from 'libpg-query';

import { isSqlFile } from '../engine/compile/load.js';
import { bodyStatements } from '../engine/sql/rules/body-statements.js';
import { createHistory, type History } from './history/history.js';
import { type Ignores, type Range, readIgnores } from './ignores.js';
import { placeAt } from './read/places.js';
import type { Place, ReadDirection, ReadMigration, ReadRefusal, ReadStatement } from './read/types.js';
import type { LintRule } from './rule-names.js';
import { checkColumns } from './rules/columns.js';
import { checkConstraints } from './rules/constraints.js';
import { checkDown, type Made } from './rules/down.js';
import { checkEnumValues } from './rules/enum-values.js';
import { checkHeavy } from './rules/heavy.js';
import { checkIndexes } from './rules/indexes.js';
import { refusedHit } from './rules/refused.js';
import { type RowTablesWatch, watchRowTables } from './rules/row-tables.js';
import { checkRunningCode } from './rules/running-code.js';
import { type Check, type LintScope, type Subject, tableName } from './rules/subject.js';
import { checkTenants } from './rules/tenants.js';
import { checkColumnTypes } from './rules/types-of-columns.js';
import { watchMigration } from './rules/whole-migration.js';
import type { Hit, LintSet, UnreadFile } from './types.js';

/** A finding that has its place, before it has its words about tenants. */
export type PlacedHit = {
  hit: Hit;
  migration: ReadMigration['file'];
  /** The file; the way down has one of its own in some formats. */
  path: string;
  line: number | undefined;
  column: number | undefined;
  statement: string | undefined;
};

export type SetFindings = { hits: PlacedHit[]; ignored: number; unread: UnreadFile[]; files: number };

const CHECKS: readonly Check[] = [
  checkColumns,
  checkConstraints,
  checkIndexes,
  checkHeavy,
  checkRunningCode,
  checkColumnTypes,
  checkEnumValues,
  checkTenants,
];

/**
 * Looks at the wanted migrations of a directory with every rule. Pure.
 *
 * @param migrations the wanted ones and those before them
 */
export function lintSet(set: LintSet, migrations: readonly ReadMigration[], scope: LintScope): SetFindings {
  const history = createHistory((relation) => tableName(scope, relation));
  const rowTables = watchRowTables(scope);
  // Where all files are looked at, what waits for the new code may have been applied long ago.
  const isPart = set.files.some(({ name }) => !set.wanted.has(name));
  let waiting: string | undefined;
  const result: SetFindings = { hits: [], ignored: 0, unread: [], files: set.wanted.size };
  for (const migration of migrations) {
    const found = lintMigration(migration, scope, history, rowTables);
    if (!set.wanted.has(migration.file.name)) continue;
    found.push(...behindWaiting(migration, waiting));
    if (isPart && migration.file.phase === 'post') waiting ??= migration.file.name;
    const { file, up } = migration;
    const ignores = ignoresOf(migration);
    for (const one of found) {
      const path = one.path ?? file.path;
      if (ignores.get(path)?.covers(one.hit.rule, one.range) === true) result.ignored += 1;
      else result.hits.push(placed(migration, path, one));
    }
    for (const [path, { faults }] of ignores) {
      for (const { hit, ...place } of faults) result.hits.push(placed(migration, path, { hit, place }));
    }
    if (up?.kind === 'read' && up.asked !== undefined) {
      result.unread.push({ file: file.path, migration: file.name, reason: up.asked });
    }
  }
  return result;
}

/** Rules about the names in a statement. */
const NAMES: ReadonlySet<LintRule> = new Set(['other-schema', 'shared-schema-name']);

type Found = {
  hit: Hit;
  /** Default: the file of the up migration. */
  path?: string | undefined;
  place?: Pick<Place, 'line' | 'column'> | undefined;
  statement?: string | undefined;
  range?: Range | undefined;
};

function lintMigration(
  { file, up, down }: ReadMigration,
  scope: LintScope,
  history: History,
  rowTables: RowTablesWatch,
): Found[] {
  history.begin();
  if (up === undefined) return [];
  if (up.kind !== 'read') return [{ hit: cannotBeBuilt(up.message) }];
  const found: Found[] = [];
  const watch = watchMigration();
  const made = { tables: new Set<string>(), columns: new Set<string>() };
  for (const statement of up.statements) {
    for (const node of nodesOf(statement.node)) {
      const subject: Subject = { node, scope, history, transaction: up.transaction, waits: file.phase === 'post' };
      const inText = node === statement.node;
      for (const hit of CHECKS.flatMap((check) => check(subject))) {
        found.push(at(statement, inText ? hit : { ...hit, at: undefined }));
      }
      watch.see(subject, statement);
      for (const one of rowTables.see(node, statement)) found.push(at(one.statement, one.hit));
      noteMade(node, made);
      history.apply(node);
    }
  }
  for (const { hit, statement } of watch.finish(up.transaction)) found.push(at(statement, hit));
  for (const one of rowTables.finish()) found.push(at(one.statement, one.hit));
  const refused = up.refusals.map((refusal) => refusedAt(refusal, up.statements));
  // A statement that is refused because of a schema would be complained of twice.
  const twice = new Set(refused.map(({ statement }) => statement));
  const all = [...found.filter(({ hit, statement }) => !NAMES.has(hit.rule) || !twice.has(statement)), ...refused];
  if (up.statements.length + up.refusals.length === 0 && up.asked === undefined) all.push({ hit: EMPTY });
  return [...all, ...lintDown(down, up.asked === undefined ? made : undefined)];
}

/** The statement, what it explains, and what stands in plain words in the body of a `DO` block. */
function nodesOf(node: Node): Node[] {
  const explained = 'ExplainStmt' in node ? node.ExplainStmt.query : undefined;
  return [node, ...(explained === undefined ? [] : [explained]), ...bodyStatements(node)];
}

function at(statement: ReadStatement, hit: Hit): Found {
  return { hit, place: statement.place(hit.at), statement: statement.sql, range: rangeOf(statement) };
}

function rangeOf({ place, end }: ReadStatement): Range | undefined {
  const { offset } = place(undefined);
  return offset === undefined || end === undefined ? undefined : { begin: offset, end };
}

function refusedAt(refusal: ReadRefusal, statements: readonly ReadStatement[]): Found {
  const { line, column } = refusal;
  const own = statements.find((one) => line !== undefined && one.place(undefined).line === line);
  return {
    hit: refusedHit(refusal),
    place: { line, column },
    statement: refusal.statement,
    range: own === undefined ? undefined : rangeOf(own),
  };
}

function noteMade(node: Node, made: { tables: Set<string>; columns: Set<string> }): void {
  if ('CreateStmt' in node) made.tables.add(node.CreateStmt.relation?.relname ?? '');
  if ('CreateTableAsStmt' in node) made.tables.add(node.CreateTableAsStmt.into?.rel?.relname ?? '');
  if ('RenameStmt' in node && node.RenameStmt.renameType === 'OBJECT_TABLE') {
    made.tables.add(node.RenameStmt.newname ?? '');
  }
  if ('RenameStmt' in node && node.RenameStmt.renameType === 'OBJECT_COLUMN') {
    made.columns.add(`${node.RenameStmt.relation?.relname ?? ''}.${node.RenameStmt.newname ?? ''}`);
  }
  if (!('AlterTableStmt' in node)) return;
  const table = node.AlterTableStmt.relation?.relname ?? '';
  for (const command of node.AlterTableStmt.cmds ?? []) {
    const def = 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
    if (def !== undefined && 'ColumnDef' in def) made.columns.add(`${table}.${def.ColumnDef.colname ?? ''}`);
  }
}

/** @param made what up created; `undefined` when that is not known */
function lintDown(down: ReadDirection | undefined, made: Made | undefined): Found[] {
  if (down === undefined) return [];
  if (down.kind !== 'read') return [{ hit: missingDown(down.message) }];
  const { path, text, statements, asked, refusals } = down;
  if (statements.length + refusals.length === 0 && asked === undefined && isSqlFile({ name: '', path })) {
    return [{ hit: missingDown('The down part has no statement'), path, place: placeAt(text, text.length) }];
  }
  if (made === undefined) return [];
  return statements.flatMap((statement) =>
    nodesOf(statement.node).flatMap((node) => checkDown(node, made).map((hit) => ({ ...at(statement, hit), path }))),
  );
}

/** The order of files is that of migrations: a phase ends before the first one that waits. */
function behindWaiting({ file, up }: ReadMigration, waiting: string | undefined): Found[] {
  if (waiting === undefined || file.phase === 'post') return [];
  const hit: Hit = {
    rule: 'pre-after-post',
    message: `The migration comes after ${waiting}, which waits until the new code runs everywhere, and waits with it.`,
    suggestion: `Number it before ${waiting}, or begin it with -- tenants: phase=post if the new code does not need it.`,
  };
  return up?.kind === 'read' ? [{ hit, place: placeAt(up.text, 0) }] : [{ hit }];
}

const EMPTY: Hit = {
  rule: 'empty-migration',
  message:
    'The up migration has no statement: it is recorded as applied in every schema, and what is added to the file later never runs.',
  suggestion: 'Write what it is to do before it is applied anywhere, or delete the file.',
};

function cannotBeBuilt(message: string): Hit {
  return {
    rule: 'cannot-be-run',
    message: `${message}.`,
    suggestion: 'Correct the migration; migrate refuses to begin with it.',
  };
}

function missingDown(message: string): Hit {
  return {
    rule: 'missing-down',
    message: `${message}, so it cannot be rolled back.`,
    suggestion: 'Write a down migration that takes away what up made.',
  };
}

/** What comments switch off, by file. */
function ignoresOf({ up, down }: ReadMigration): Map<string, Ignores> {
  const directions = [up, down].flatMap((one) => (one?.kind === 'read' ? [one] : []));
  return new Map(
    directions.map(({ path, text }) => {
      const statements = directions.filter((one) => one.path === path).flatMap((one) => one.statements);
      const ranges = statements.flatMap((statement) => rangeOf(statement) ?? []);
      return [path, readIgnores(text, isSqlFile({ name: '', path }), ranges)];
    }),
  );
}

function placed({ file }: ReadMigration, path: string, { hit, place, statement }: Found): PlacedHit {
  return { hit, migration: file, path, line: place?.line, column: place?.column, statement };
}
