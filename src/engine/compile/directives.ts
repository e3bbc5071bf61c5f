import { getActions } from 'node-pg-migrate/sqlMigration';

import { didYouMean, nearestNames } from '../../util/nearest.js';
import type { Direction } from '../types.js';

/** What the `tenants:` comments of a migration file ask for, in one direction. */
export type Directives = { noTransaction: boolean; allowFallThrough: boolean; warnings: string[] };

const KNOWN = ['no-transaction', 'allow-fall-through', 'phase'];
const COMMENT = /^[ \t]*(?:--|\/\/)[ \t]*tenants:[ \t]*([a-z-]+)[ \t]*(?:=.*)?\r?$/gim;

/**
 * Reads `-- tenants: no-transaction` and `-- tenants: allow-fall-through`, each on a line of its own.
 *
 * In an SQL file a comment before the first part holds for both directions, one inside a part for that direction. In
 * JavaScript and TypeScript (`// tenants: …`) it holds for both wherever it stands.
 */
export function readDirectives(text: string, direction: Direction, sql: boolean): Directives {
  const directives = directivesIn(sql ? relevantText(text, direction) : text);
  const { warnings } = directives;
  if (sql && direction === 'up' && parts(text).upIsWhole) {
    warnings.push(
      'there is a `-- Down Migration` comment but no `-- Up Migration`, so the whole file is the up migration.',
    );
  }
  return directives;
}

/** Reads the comments of a text, all of which count. */
export function directivesIn(text: string): Directives {
  const words = [...text.matchAll(COMMENT)].map(([, word = '']) => word.toLowerCase());
  const warnings = words
    .filter((word) => !KNOWN.includes(word))
    .flatMap((word) =>
      didYouMean(nearestNames(word, KNOWN)).map(
        (question) => `the comment "tenants: ${word}" means nothing. ${question}`,
      ),
    );
  return {
    noTransaction: words.includes('no-transaction'),
    allowFallThrough: words.includes('allow-fall-through'),
    warnings,
  };
}

function relevantText(text: string, direction: Direction): string {
  const { up, down, preamble } = parts(text);
  return `${preamble}\n${(direction === 'up' ? up : down) ?? ''}`;
}

/** The part of an SQL file that is applied. */
export function upText(text: string): string {
  return parts(text).up;
}

/** How long the text before the first part of an SQL file is, in UTF-16 units: comments there are about the whole file. */
export function preambleLength(text: string): number {
  const { preamble, upIsWhole } = parts(text);
  return upIsWhole ? 0 : preamble.length;
}

type Parts = { up: string; down: string | undefined; preamble: string; upIsWhole: boolean };

/** node-pg-migrate cuts the file; what it gives to neither direction is the preamble. */
function parts(text: string): Parts {
  const { up, down } = getActions(text);
  const upText = cut(up) ?? text;
  const downText = cut(down);
  const upIsWhole = upText === text && downText !== undefined && !/^\s*--[\s-]*up\s+migration/im.test(text);
  const starts = [upIsWhole ? '' : upText, downText].flatMap((part) => (part ? [text.indexOf(part)] : []));
  return { up: upText, down: downText, preamble: text.slice(0, Math.min(...starts, text.length)), upIsWhole };
}

function cut(action: unknown): string | undefined {
  let found: string | undefined;
  if (typeof action === 'function') action({ sql: (text: string) => (found = text) });
  return found;
}
