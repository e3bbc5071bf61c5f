import type { BuilderFormat, FormatName } from '../types.js';

const MARKERS: [FormatName, RegExp][] = [
  ['dbmate', /^--\s*migrate:up\b/im],
  ['goose', /^\s*--\s*\+goose\s+up\b/im],
];

/** The tools whose marks stand in the text of an SQL file. */
export function markedFor(text: string): FormatName[] {
  return MARKERS.flatMap(([format, pattern]) => (pattern.test(text) ? [format] : []));
}

/** Versioned and undo migrations of Flyway; a version has parts that are separated by dots or underscores. */
export const FLYWAY_NAME = /^([VU])(\d+(?:[._]\d+)*)__.*\.sql$/;

/** Formats that are told by the names of their files, without reading them. */
export function recognizeNames(files: readonly string[]): 'pairs' | 'flyway' | undefined {
  if (files.some((name) => /\.up\.sql$/i.test(name))) return 'pairs';
  return files.some((name) => FLYWAY_NAME.test(name)) ? 'flyway' : undefined;
}

/** The first parameter of a function `up`, with its type, however the function is written. */
const UP_PARAMETER =
  /\bup\b\s*(?:\(|[=:]\s*(?:async\b\s*)?(?:function\b\s*\w*\s*\(|\(|(?=[\w$]+\s*=>)))\s*([A-Za-z_$][\w$]*)\s*(?::\s*([\w$.]+))?/g;

/**
 * Whose functions a JavaScript or TypeScript migration has, as far as its text shows: by the name or the type of the
 * parameter, a type in a comment, or what is called of it. `undefined` where nothing speaks for one of them.
 */
export function builderOf(text: string): BuilderFormat | 'node-pg-migrate' | undefined {
  const parameters = [...text.matchAll(UP_PARAMETER)].map(([, name = '', type = '']) => ({ name, type }));
  // First of all: a directory that is read already must not be refused for what a comment or a helper of it says.
  const isOwn = parameters.some(({ name, type }) => name === 'pgm' || /\bMigrationBuilder$/.test(type));
  if (isOwn || /\bimport\(['"](?:node-pg-migrate|pg-tenants\/migrations)['"]\)/.test(text)) return 'node-pg-migrate';
  for (const { name, type } of parameters) {
    if (name === 'knex' || /^Knex\b/.test(type)) return 'knex';
    if (/^Kysely\b/.test(type)) return 'kysely';
  }
  if (/\bimport\(['"]knex['"]\)/.test(text)) return 'knex';
  if (/\bimport\(['"]kysely['"]\)/.test(text)) return 'kysely';
  const hasSchema = parameters.some(({ name }) => text.includes(`${name}.schema.`));
  if (!hasSchema) return undefined;
  return /\.execute\(\s*\)/.test(text) ? 'kysely' : 'knex';
}
