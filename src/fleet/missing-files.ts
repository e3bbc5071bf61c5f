import type { MigrationFile } from '../engine/types.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { WantedCohort } from './cohorts.js';

/**
 * Refuses to undo migrations whose files are gone: nothing else says how they are undone.
 *
 * @throws TenantsError UNKNOWN_MIGRATION with every such migration and tenants that have it.
 */
export function assertFilesThere(wanted: readonly WantedCohort[]): void {
  const gone = new Map<string, string[]>();
  for (const { cohort, names, files } of wanted) {
    const known = new Set(files.map(({ name }) => name));
    for (const name of names) {
      // One whose row is not written yet stands for those that it replaces.
      if (known.has(name) && cohort.applied.includes(name)) continue;
      const tenants = gone.get(name) ?? [];
      for (const { schema } of cohort.members) tenants.push(schema);
      gone.set(name, tenants);
    }
  }
  if (gone.size === 0) return;
  const replacing = wanted
    .flatMap(({ files }) => files)
    .find(({ name, replaces }) => replaces !== undefined && [name, ...replaces].some((one) => gone.has(one)));
  if (replacing !== undefined) throw replacedError([...gone.keys()], replacing);
  throw filesGone(
    [...gone].map(([name, tenants]) => `${name}, applied in ${listed(tenants)}`),
    [...gone.keys()],
  );
}

function replacedError(names: readonly string[], { name, replaces = [] }: MigrationFile): TenantsError {
  const replaced = names.filter((one) => replaces.includes(one));
  const what = replaced.length === 0 ? `What ${name} replaces` : replaced.join(', ');
  return new TenantsError(
    'UNKNOWN_MIGRATION',
    `${what} cannot be rolled back: ${name} has taken the place of the files; nothing was touched.`,
    { suggestions: ['Roll back with the version of the code that still has the replaced files.'] },
  );
}

/** The error for migrations that cannot be undone because their files are gone. */
export function filesGone(problems: string[], names: readonly string[]): TenantsError {
  const are = names.length === 1 ? 'is' : 'are';
  return new TenantsError(
    'UNKNOWN_MIGRATION',
    `${names.join(', ')} ${are} to be rolled back, but the file is missing; nothing was touched.`,
    {
      problems,
      suggestions: [
        'Restore the files: a migration cannot be undone without its file.',
        'To remove only the bookkeeping rows, add --fake.',
      ],
    },
  );
}

function listed(tenants: readonly string[]): string {
  const shown = tenants.slice(0, 3).join(', ');
  return tenants.length > 3 ? `${shown} and ${tenants.length - 3} more` : shown;
}
