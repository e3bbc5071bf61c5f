import { readFile } from 'node:fs/promises';

import { fileDigest, sha256 } from '../file-digest.js';
import { ScriptError } from '../formats/types.js';
import { loadSqlParser, parseTree } from '../sql/parse/parser.js';
import type { CompiledMigration, MigrationFile } from '../types.js';
import { upText } from './directives.js';
import { isSqlFile } from './load.js';

/**
 * What a migration does, condensed into one value: `parse-tree` of an SQL file, `compiled` of the SQL that a JavaScript file
 * builds, `file` where neither can be had, because the SQL is another one for each tenant.
 */
export type MigrationChecksum = { method: 'parse-tree' | 'compiled' | 'file'; checksum: string };

/** The checksum of an SQL file: comments, white space and the case of keywords do not count, constants do. */
export async function sqlFileChecksum(file: MigrationFile): Promise<MigrationChecksum> {
  await loadSqlParser();
  const text = await readFile(file.path, 'utf8');
  return { method: 'parse-tree', checksum: treeChecksum(await appliedText(file, text)) };
}

/** What is applied of a file; a file that its format no longer accepts counts as a whole. */
async function appliedText(file: MigrationFile, text: string): Promise<string> {
  if (file.format === undefined) return upText(text);
  const { findScriptFormat } = await import('../formats/find-format.js');
  const format = await findScriptFormat(file);
  try {
    return ((await format.script(file, text, 'up'))?.parts ?? []).map((part) => part.text).join('\n;\n');
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    return text;
  }
}

/** The checksum of a migration that was compiled in the direction up. */
export async function compiledChecksum(file: MigrationFile, migration: CompiledMigration): Promise<MigrationChecksum> {
  if (isSqlFile(file)) return await sqlFileChecksum(file);
  if (migration.mode === 'direct') return { method: 'file', checksum: await fileDigest(file) };
  await loadSqlParser();
  const sql = migration.statements.map((statement) => `${statement.sql};\n`).join('');
  return { method: 'compiled', checksum: treeChecksum(sql) };
}

/** Places in the text, which say nothing about what it means. */
const PLACES: ReadonlySet<string> = new Set([
  'location',
  'stmt_location',
  'stmt_len',
  'name_location',
  'list_start',
  'list_end',
  'rexpr_list_start',
  'rexpr_list_end',
]);

/** A text that the grammar does not accept counts as it is written. */
function treeChecksum(sql: string): string {
  const text = sql.startsWith('\uFEFF') ? sql.slice(1) : sql;
  const parsed = parseTree(text);
  if (!parsed.ok) return `text:${sha256(text.trim())}`;
  const nodes = parsed.statements.map(({ node }) => node);
  try {
    return `tree:${sha256(JSON.stringify(nodes, (key, value: unknown) => (typeof value === 'number' && PLACES.has(key) ? undefined : value)))}`;
  } catch {
    // Ten thousand operators in one expression are deeper than the stack.
    return `text:${sha256(text.trim())}`;
  }
}
