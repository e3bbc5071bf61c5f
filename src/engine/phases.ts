import { readFile } from 'node:fs/promises';

import { TenantsError } from '../errors/tenants-error.js';
import { phasesIn } from '../util/migration-comments.js';
import type { MigrationFile } from './types.js';

/**
 * The two halves of a change that the running application must survive: `pre` before the new code starts, `post` when it runs
 * everywhere. A migration belongs to the first unless it says otherwise.
 */
export type Phase = 'pre' | 'post';

/** What a phase takes of the migrations that a schema is to run. */
export type PhasePart = {
  /** What runs now: the first of them. */
  names: string[];
  /** Migrations that wait for the other phase. */
  waiting: string[];
  /** Migrations of this phase that cannot run yet, because `behind` stands before them and must wait. */
  heldBack: string[];
  behind?: string;
};

/**
 * A file with what its comments say about its phase.
 *
 * @param phases what stands in them
 * @throws TenantsError MIGRATIONS_UNREADABLE for another phase than these two, and for both: run too early, a migration breaks the
 *   application.
 */
export function markPhase(file: MigrationFile, phases: readonly string[]): MigrationFile {
  const [phase, ...others] = new Set(phases);
  if (phase === undefined) return file;
  if (others.length > 0 || (phase !== 'pre' && phase !== 'post')) {
    const said = [phase, ...others].map((one) => `"tenants: phase=${one}"`).join(' and ');
    throw new TenantsError('MIGRATIONS_UNREADABLE', `The comment ${said} in ${file.path} names no phase.`, {
      suggestions: [
        'Write "tenants: phase=post" for what must wait until the new code runs everywhere, or remove the comment.',
      ],
    });
  }
  return phase === 'post' ? { ...file, phase } : file;
}

/** The same for a file of another tool's format. One that cannot be read is complained about when it is to be run. */
export async function readPhase(file: MigrationFile): Promise<MigrationFile> {
  const text = await readFile(file.path, 'utf8').catch(() => '');
  return markPhase(file, phasesIn(text));
}

/** The names of the migrations that wait for the new code. Pure. */
export function postNames(files: readonly MigrationFile[]): ReadonlySet<string> {
  return new Set(files.filter(({ phase }) => phase === 'post').map(({ name }) => name));
}

/** Those of the pending migrations that wait for the new code, where there are any. Pure. */
export function postOf(files: readonly MigrationFile[], pending: readonly string[]): { post?: string[] } {
  const names = postNames(files);
  const post = pending.filter((name) => names.has(name));
  return post.length === 0 ? {} : { post };
}

/**
 * What a phase runs of what is pending. The order of files stays as it is, so each phase takes a beginning of the list: `pre` ends
 * before the first migration that must wait. `post` ends before one that stands after a migration of the first phase which was pending
 * itself: the code for which that one is waited cannot run everywhere yet. Pure.
 *
 * @param pending in the order of the files
 * @param phase without it everything runs
 */
export function partOfPhase(
  files: readonly MigrationFile[],
  pending: readonly string[],
  phase: Phase | undefined,
): PhasePart {
  const whole: PhasePart = { names: [...pending], waiting: [], heldBack: [] };
  if (phase === undefined) return whole;
  const post = postNames(files);
  const firstPre = pending.findIndex((name) => !post.has(name));
  const from = phase === 'pre' || firstPre === -1 ? 0 : firstPre;
  if (phase === 'post' && firstPre === -1) return whole;
  const end = pending.findIndex((name, index) => index >= from && post.has(name));
  if (end === -1) return whole;
  const rest = pending.slice(end);
  const names = pending.slice(0, end);
  if (phase === 'post') return { names, waiting: [], heldBack: rest, ...behind(pending[firstPre]) };
  const heldBack = rest.filter((name) => !post.has(name));
  const waiting = rest.filter((name) => post.has(name));
  return { names, waiting, heldBack, ...(heldBack.length === 0 ? {} : behind(rest[0])) };
}

function behind(name: string | undefined): { behind?: string } {
  return name === undefined ? {} : { behind: name };
}
