import type { FormatName } from '../types.js';

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
