import { findScriptFormat } from '../formats/find-format.js';
import { TITLES } from '../formats/foreign.js';
import { type OwnNames, ownNames } from '../formats/qualifiers/own-names.js';
import { type QualifierRules, removeQualifiers } from '../formats/qualifiers/remove-qualifiers.js';
import { lineAtIndex } from '../formats/script-lines.js';
import { type MigrationFormat, type Script, ScriptError, type ScriptPart } from '../formats/types.js';
import { skipBlank } from '../sql/parse/lexer.js';
import { parseTree } from '../sql/parse/parser.js';
import { shorten } from '../sql/rules/shorten.js';
import type { Refusal } from '../sql/types.js';
import type { Direction, MigrationFile, MigrationSource } from '../types.js';
import type { WantedMigration } from './build.js';
import type { Built } from './choose-mode.js';
import { directivesIn } from './directives.js';
import { readText } from './read-text.js';

export type BuiltScripts = { wanted: WantedMigration[]; built: Built[]; refusals: Refusal[] };

/** A file of the folder, with the text and the script of one direction. */
type ReadScript = { path: string; text: string; script: Script | undefined };

/**
 * Builds migrations of another tool's format: nothing is run, the SQL is what stands in the files. In the order of the
 * files. Pure apart from reading; `loadSqlParser` must have been awaited.
 *
 * @param names migrations to build.
 * @throws TenantsError MIGRATIONS_UNREADABLE for a file that cannot be read.
 */
export async function buildScripts(
  { applicationSchema }: MigrationSource,
  files: readonly MigrationFile[],
  names: ReadonlySet<string>,
  direction: Direction,
): Promise<BuiltScripts> {
  const result: BuiltScripts = { wanted: [], built: [], refusals: [] };
  const naming =
    applicationSchema === undefined ? undefined : { schema: applicationSchema, own: ownNames(applicationSchema) };
  const last = files.findLastIndex(({ name }) => names.has(name));
  for (const file of files.slice(0, last + 1)) {
    const isWanted = names.has(file.name);
    if (naming === undefined && !isWanted) continue;
    const format = await findScriptFormat(file);
    // What the folder calls by the application's schema depends on everything that was created before.
    const needsUp = naming !== undefined || direction === 'up';
    const up = needsUp ? await read(file, format, 'up', isWanted ? result.refusals : []) : undefined;
    if (naming !== undefined) noteCreated(up?.script, naming.own);
    if (!isWanted) continue;
    const chosen = direction === 'up' ? up : await read(file, format, 'down', result.refusals);
    if (chosen === undefined) continue;
    const rules = naming === undefined ? undefined : { ...naming, generated: format.generated };
    const parts = (chosen.script?.parts ?? []).map((part) =>
      rules === undefined ? part : unqualified(part, { ...file, path: chosen.path }, rules, result.refusals),
    );
    add(result, { file, format, direction }, chosen, parts);
  }
  return result;
}

function unqualified(part: ScriptPart, file: MigrationFile, rules: QualifierRules, refusals: Refusal[]): ScriptPart {
  const { text, undecided } = removeQualifiers(part.text, rules);
  for (const { reason, index, statement } of undecided) {
    const blank = skipBlank(statement);
    refusals.push({
      migration: file.name,
      file: file.path,
      kind: 'qualifier',
      line: part.line + lineAtIndex(part.text, index + blank) - 1,
      reason,
      statement: shorten(statement.slice(blank)),
    });
  }
  return { ...part, text };
}

function add(
  { wanted, built }: BuiltScripts,
  { file, format, direction }: { file: MigrationFile; format: MigrationFormat; direction: Direction },
  { path, text, script }: ReadScript,
  parts: readonly ScriptPart[],
): void {
  const told = { ...file, path };
  const directives = directivesIn(script?.comments ?? '');
  wanted.push({ file: told, directives, text });
  if (script === undefined) {
    const message =
      direction === 'up'
        ? `${file.name} is empty`
        : `${file.name} cannot be undone: ${format.title ?? TITLES[format.name]} has no statements for the way down of this migration`;
    built.push({ kind: 'failed', file: told, message, missing: true });
    return;
  }
  built.push({
    kind: 'built',
    file: told,
    steps: parts.map((part) => part.text),
    lines: parts.map(({ line }) => line),
    transaction: script.transaction && !directives.noTransaction,
    asked: false,
  });
}

async function read(
  file: MigrationFile,
  format: MigrationFormat,
  direction: Direction,
  refusals: Refusal[],
): Promise<ReadScript | undefined> {
  const path = direction === 'down' ? (file.downPath ?? file.path) : file.path;
  if (direction === 'down' && file.downPath === undefined && (format.name === 'prisma' || format.name === 'drizzle')) {
    return { path, text: '', script: undefined };
  }
  const outcome = await readText({ ...file, path });
  if ('refusal' in outcome) {
    refusals.push(outcome.refusal);
    return undefined;
  }
  const text = outcome.text.startsWith('\uFEFF') ? outcome.text.slice(1) : outcome.text;
  try {
    return { path, text, script: await format.script(file, text, direction) };
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    const { message: reason, line } = error;
    const statement = shorten(text.split('\n')[line - 1]?.trim() ?? '');
    refusals.push({ migration: file.name, file: path, kind: 'format', reason, line, statement });
    return undefined;
  }
}

function noteCreated(script: Script | undefined, own: OwnNames): void {
  for (const { text } of script?.parts ?? []) {
    const parsed = parseTree(text);
    if (parsed.ok) for (const { node } of parsed.statements) own.add(node);
  }
}
