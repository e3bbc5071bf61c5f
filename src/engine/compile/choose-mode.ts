import type { MigrationFile } from '../types.js';
import type { Recording } from './record.js';

/** What building a migration twice has shown. */
export type Built =
  /** `missing`: the file has nothing for this direction. */
  | { kind: 'failed'; file: MigrationFile; message: string; missing?: true; cause?: unknown }
  | {
      kind: 'built';
      file: MigrationFile;
      /** What the first pass built; not the SQL of every tenant when the migration is direct. */
      steps: string[];
      /**
       * Line of the file in which each step begins, where the steps are not pieces of the file's text and it is known; of
       * scripts, the line that made the step, where that was asked for.
       */
      lines?: (number | undefined)[];
      transaction: boolean;
      /** Why the SQL cannot be known beforehand; absent when it can. */
      directBecause?: string;
      /** The migration stopped at a question to the database, so that `steps` are not all of it. */
      asked: boolean;
    };

export type Evidence = {
  file: MigrationFile;
  /** Why there is nothing to run in this direction. */
  missing: string | undefined;
  first: Recording | undefined;
  second: Recording | undefined;
  /** The clock or random source that the migration used, in words. */
  used: string | undefined;
  standIns: readonly string[];
};

/** Decides between compiled, direct and failed. Whatever leaves a doubt about the SQL makes a migration direct. */
export function chooseMode({ file, missing, first, second, used, standIns }: Evidence): Built {
  if (missing !== undefined) return { kind: 'failed', file, message: `${file.name} ${missing}`, missing: true };
  if (first === undefined) return { kind: 'failed', file, message: `${file.name} was not run by node-pg-migrate` };
  if (first.failure !== undefined && first.asked === undefined) {
    const { error } = first.failure;
    const text = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', file, message: `${file.name} failed while its SQL was built: ${text}`, cause: error };
  }
  const { steps, lines, transaction, asked } = first;
  const places = lines === undefined ? {} : { lines };
  const built = { kind: 'built', file, steps, ...places, transaction, asked: asked !== undefined } as const;
  const directBecause = whyDirect(first, second, used, standIns);
  return directBecause === undefined ? built : { ...built, directBecause };
}

function whyDirect(
  first: Recording,
  second: Recording | undefined,
  used: string | undefined,
  standIns: readonly string[],
): string | undefined {
  const asked = first.asked ?? second?.asked;
  if (asked !== undefined) return `it asks the database while it is built (${asked})`;
  if (used !== undefined) return used;
  if (second === undefined || second.failure !== undefined || !same(first, second)) {
    return 'building it twice did not give the same SQL';
  }
  return [...first.steps, ...second.steps].some((sql) => standIns.some((name) => sql.includes(name)))
    ? 'its SQL names the schema of the migrations table'
    : undefined;
}

function same(a: Recording, b: Recording): boolean {
  return a.transaction === b.transaction && JSON.stringify(a.steps) === JSON.stringify(b.steps);
}
