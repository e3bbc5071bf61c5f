import { join } from 'node:path';

import type { MigrationFile } from '../types.js';
import { type Folder, readIfThere, sqlFiles, unreadableFolder } from './folder.js';
import { migrationFolders } from './migration-folders.js';
import { lineAtIndex } from './script-lines.js';
import type { MigrationFormat, ScriptPart } from './types.js';

/** Where drizzle-kit says which files there are, and in which order they run. */
export const JOURNAL = join('meta', '_journal.json');

const BREAKPOINT = '--> statement-breakpoint';

/**
 * Folders of drizzle-kit. Up to version 0.31 `meta/_journal.json` gives the order of `0000_name.sql`; from version 1 each
 * migration is a folder with `migration.sql`, ordered by name. There is no way back in either.
 */
export const drizzle: MigrationFormat = {
  name: 'drizzle',
  howToCreate: 'Change the schema and run `npx drizzle-kit generate`; for SQL of your own, add `--custom --name NAME`.',
  generated: true,

  async list(folder) {
    const journal = await readIfThere(folder.directory, JOURNAL);
    if (journal === undefined) return await migrationFolders(folder, 'drizzle', folder.folders);
    const tags = journalTags(folder, journal);
    assertComplete(folder, tags);
    return tags.map((tag): MigrationFile => {
      return { name: tag, path: join(folder.directory, `${tag}.sql`), format: 'drizzle' };
    });
  },

  script(_file, text, direction) {
    if (direction === 'down') return undefined;
    return { parts: statementsBetween(text), transaction: true, comments: text };
  },
};

/** The driver sends each piece between breakpoints alone: a piece need not end with a semicolon. */
function statementsBetween(text: string): ScriptPart[] {
  const parts: ScriptPart[] = [];
  let from = 0;
  while (from <= text.length) {
    const found = text.indexOf(BREAKPOINT, from);
    const to = found === -1 ? text.length : found;
    const part = text.slice(from, to);
    if (part.trim() !== '') parts.push({ text: part, line: lineAtIndex(text, from) });
    from = to + BREAKPOINT.length;
  }
  return parts;
}

function journalTags({ directory }: Folder, text: string): string[] {
  const unusable = (reason: string): Error =>
    unreadableFolder(directory, `${JOURNAL} ${reason}.`, [
      'Restore the file from version control; drizzle-kit writes it, and it gives the order of the migrations.',
    ]);
  let journal: unknown;
  try {
    journal = JSON.parse(text);
  } catch (error) {
    throw unusable(`is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  const entries = (journal as { entries?: unknown } | null)?.entries;
  if (!Array.isArray(entries)) throw unusable('has no list of entries');
  const tags = entries.map((entry: { tag?: unknown } | null) => entry?.tag);
  if (!tags.every((tag) => typeof tag === 'string' && tag !== '' && !/[/\\]/.test(tag))) {
    throw unusable('has an entry without a tag');
  }
  return tags as string[];
}

function assertComplete(folder: Folder, tags: readonly string[]): void {
  const present = new Set(sqlFiles(folder));
  const listed = new Set(tags.map((tag) => `${tag}.sql`));
  const problems = [
    ...[...listed]
      .filter((name) => !present.has(name))
      .map((name) => `${name} is in the journal, but there is no file`),
    ...[...present].filter((name) => !listed.has(name)).map((name) => `${name} is a file, but not in the journal`),
  ];
  if (problems.length === 0) return;
  throw unreadableFolder(
    folder.directory,
    `${JOURNAL} and the files do not agree: ${problems.join('; ')}.`,
    ['Restore both from version control. After a merge, delete the newer migration and generate it again.'],
    problems,
  );
}
