import type { Client } from 'pg';

import { compareFiles } from '../../journal/checksums/compare.js';
import { readChecksums } from '../../journal/checksums/store.js';
import type { Comparison, FileSet } from '../../journal/checksums/types.js';
import type { JournalPlace } from '../../journal/place/inspect.js';
import type { Project } from '../../project/project.js';

/** Files that were edited or renamed after they were applied, as far as can be told without running them. */
export type EditedFiles = Pick<Comparison, 'changed' | 'renamed'> & { level: 'error' | 'warn' };

/** Compares without running migration code; `undefined` without a journal, and when it is not asked for. */
export async function lookForEdits(
  client: Client,
  { checksums: level }: Pick<Project, 'checksums'>,
  place: JournalPlace | undefined,
  sets: readonly FileSet[],
): Promise<EditedFiles | undefined> {
  if (level === 'off' || place === undefined) return undefined;
  try {
    const { changed, renamed } = await compareFiles(await readChecksums(client, place.schema), sets);
    return { changed, renamed, level };
  } catch (error) {
    // Where the fleet stands can be told without it, but a check that cannot be made has not passed.
    if (level === 'error') throw error;
    return undefined;
  }
}
