import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import type { Cohort, FilesByType } from './cohorts.js';
import type { Planner } from './planner.js';

/** A cohort and the names of what it must run. */
export type WantedCohort = { cohort: Cohort; names: readonly string[] };

/**
 * Compiles what all cohorts need before the first plan is made, so that everything that is wrong is said at once.
 *
 * @throws TenantsError MIGRATION_REFUSED with all complaints, whatever tenant types they are about.
 */
export async function compileAll(planner: Planner, wanted: readonly WantedCohort[]): Promise<void> {
  const names = new Map<string | null, Set<string>>();
  for (const { cohort, names: own } of wanted) {
    const union = names.get(cohort.type) ?? new Set();
    for (const name of own) union.add(name);
    names.set(cohort.type, union);
  }
  const refusals: TenantsError[] = [];
  for (const [type, union] of names) {
    try {
      await planner.prepare(type, [...union]);
    } catch (error) {
      if (!isTenantsError(error) || error.code !== 'MIGRATION_REFUSED') throw error;
      refusals.push(error);
    }
  }
  const [first, ...more] = refusals;
  if (first === undefined) return;
  if (more.length === 0) throw first;
  throw new TenantsError(
    'MIGRATION_REFUSED',
    'Migrations of several tenant types cannot be run; nothing was touched.',
    {
      problems: refusals.flatMap(({ message, details }) => details.problems ?? [message]),
      suggestions: [...new Set(refusals.flatMap(({ suggestions }) => suggestions))],
    },
  );
}

/**
 * Refuses to undo what has no file any more: how it is undone stands nowhere else.
 *
 * @throws TenantsError UNKNOWN_MIGRATION with every such migration and tenants that have it.
 */
export function assertFilesThere(wanted: readonly WantedCohort[], files: FilesByType): void {
  const gone = new Map<string, string[]>();
  for (const { cohort, names } of wanted) {
    const known = new Set((files.get(cohort.type) ?? []).map(({ name }) => name));
    for (const name of names) {
      if (known.has(name)) continue;
      const tenants = gone.get(name) ?? [];
      for (const { schema } of cohort.members) tenants.push(schema);
      gone.set(name, tenants);
    }
  }
  if (gone.size === 0) return;
  throw filesGone(
    [...gone].map(([name, tenants]) => `${name}, applied in ${listed(tenants)}`),
    [...gone.keys()],
  );
}

/** The error for migrations that cannot be undone because their files are gone. */
export function filesGone(problems: string[], names: readonly string[]): TenantsError {
  const are = names.length === 1 ? 'is' : 'are';
  return new TenantsError(
    'UNKNOWN_MIGRATION',
    `${names.join(', ')} ${are} to be rolled back, but there is no such file; nothing was touched.`,
    {
      problems,
      suggestions: [
        'Restore the files: what a migration did cannot be undone without them.',
        'To remove the bookkeeping rows alone, say --fake.',
      ],
    },
  );
}

function listed(tenants: readonly string[]): string {
  const shown = tenants.slice(0, 3).join(', ');
  return tenants.length > 3 ? `${shown} and ${tenants.length - 3} more` : shown;
}
