import { resolve } from 'node:path';

import { TenantsError } from '../../errors/tenants-error.js';
import { exportOf, importModule } from '../../util/import-module.js';
import type { MigrationFile } from '../types.js';
import type { CustomFormat, FormatMigration, FormatScript } from './custom-format.js';
import { type Folder, unreadableFolder } from './folder.js';
import { lineAtIndex } from './script-lines.js';
import { type MigrationFormat, type Script, ScriptError } from './types.js';

/** Formats by the path of their module: each is loaded once. */
const loaded = new Map<string, Promise<MigrationFormat>>();

/**
 * Loads a format of the user's from a module: its default export or the one named `format`.
 *
 * @param file absolute path
 * @throws TenantsError FORMAT_UNAVAILABLE when it cannot be loaded, or what it exports has not the shape of one.
 */
export function loadFormat(file: string): Promise<MigrationFormat> {
  const known = loaded.get(file);
  if (known !== undefined) return known;
  const loading = load(file);
  loaded.set(file, loading);
  loading.catch(() => loaded.delete(file));
  return loading;
}

async function load(file: string): Promise<MigrationFormat> {
  let exported: unknown;
  try {
    exported = exportOf(await importModule(file), 'format');
  } catch (error) {
    throw unavailable(file, `it cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  const problems = complaintsAbout(exported);
  if (problems.length > 0) throw unavailable(file, problems.join(', '));
  return adapt(exported as CustomFormat, file);
}

function complaintsAbout(exported: unknown): string[] {
  if (typeof exported !== 'object' || exported === null) {
    return ['it exports no format: neither a default export nor one named "format" is an object'];
  }
  const { name, list, read, howToCreate } = exported as Partial<Record<keyof CustomFormat, unknown>>;
  const problems: string[] = [];
  if (typeof name !== 'string' || name === '') problems.push('its "name" must be a non-empty string');
  if (typeof list !== 'function') problems.push('its "list" must be a function');
  if (typeof read !== 'function') problems.push('its "read" must be a function');
  if (howToCreate !== undefined && typeof howToCreate !== 'string') problems.push('its "howToCreate" must be a string');
  return problems;
}

/** Takes a format of the user's for one of ours; what its functions answer is examined each time. */
function adapt(custom: CustomFormat, module: string): MigrationFormat {
  return {
    name: 'module',
    title: custom.name,
    howToCreate: custom.howToCreate ?? `Write the next file by hand, as ${custom.name} expects it.`,
    generated: false,
    list: async (folder) => (await listWith(custom, folder)).map((one) => toFile(one, folder, module)),
    async script({ name, path, downPath }, text, direction) {
      const migration = { name, path, ...(downPath === undefined ? {} : { downPath }) };
      let script: unknown;
      try {
        script = await custom.read(migration, direction, text);
      } catch (error) {
        throw new ScriptError(error instanceof Error ? error.message : String(error), lineOf(error));
      }
      if (script === undefined || script === null) return undefined;
      if (!isScript(script)) {
        throw new ScriptError(
          `The format ${custom.name} must answer with { statements: [{ sql, line }], transaction } or undefined.`,
          1,
        );
      }
      return toScript(script, text);
    },
  };
}

async function listWith({ name, list }: CustomFormat, folder: Folder): Promise<FormatMigration[]> {
  const unusable = (reason: string, cause?: unknown): TenantsError => {
    const error = unreadableFolder(folder.directory, `the format ${name} ${reason}.`, [
      'docs/formats.md describes what the functions of a format must return.',
    ]);
    return cause === undefined ? error : Object.assign(error, { cause });
  };
  let listed: unknown;
  try {
    listed = await list({ ...folder, files: [...folder.files], folders: [...folder.folders] });
  } catch (error) {
    throw unusable(`failed: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (!Array.isArray(listed)) throw unusable('returned no list of migrations');
  const wrong = listed.findIndex((one) => !isMigration(one));
  if (wrong !== -1) throw unusable(`listed a migration without a name or a path (number ${wrong + 1} of the list)`);
  return listed as FormatMigration[];
}

function isMigration(one: unknown): one is FormatMigration {
  if (typeof one !== 'object' || one === null) return false;
  const { name, path, downPath } = one as Record<string, unknown>;
  const isText = (value: unknown): boolean => typeof value === 'string' && value !== '' && !value.includes('\0');
  return isText(name) && isText(path) && (downPath === undefined || isText(downPath));
}

function toFile({ name, path, downPath }: FormatMigration, { directory }: Folder, module: string): MigrationFile {
  return {
    name,
    path: resolve(directory, path),
    format: 'module',
    module,
    ...(downPath === undefined ? {} : { downPath: resolve(directory, downPath) }),
  };
}

function isScript(script: unknown): script is FormatScript {
  if (typeof script !== 'object' || script === null) return false;
  const { statements, transaction } = script as Record<string, unknown>;
  if (transaction !== undefined && typeof transaction !== 'boolean') return false;
  return Array.isArray(statements) && statements.every(isStatement);
}

function isStatement(one: unknown): boolean {
  if (typeof one === 'string') return true;
  if (typeof one !== 'object' || one === null) return false;
  const { sql, line } = one as Record<string, unknown>;
  return typeof sql === 'string' && (line === undefined || (Number.isInteger(line) && Number(line) > 0));
}

/** A statement without a line is looked for in the text. */
function toScript({ statements, transaction = true }: FormatScript, text: string): Script {
  const parts = statements.map((one) => {
    const { sql, line } = typeof one === 'string' ? { sql: one, line: undefined } : one;
    return { text: sql, line: line ?? lineAtIndex(text, Math.max(text.indexOf(sql), 0)) };
  });
  return { parts, transaction, comments: text };
}

function lineOf(error: unknown): number {
  const line = typeof error === 'object' && error !== null && 'line' in error ? error.line : undefined;
  return Number.isInteger(line) && Number(line) > 0 ? Number(line) : 1;
}

function unavailable(file: string, why: string, cause?: unknown): TenantsError {
  return new TenantsError('FORMAT_UNAVAILABLE', `The format ${file} cannot be used: ${why}.`, {
    file,
    suggestions: ['A format is an object with "name", "list" and "read"; docs/formats.md has an example.'],
    cause,
  });
}
