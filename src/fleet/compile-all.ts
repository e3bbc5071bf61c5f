import type { MigrationFile } from '../engine/types.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import type { Cohort, WantedCohort } from './cohorts.js';
import type { Planner } from './planner.js';

/**
 * Compiles what all cohorts need before the first plan is made, so that everything that is wrong is said at once.
 *
 * @throws TenantsError MIGRATION_REFUSED with all complaints, whatever tenant types they are about.
 */
export async function compileAll(
  planner: Pick<Planner, 'compile'>,
  wanted: readonly (Pick<WantedCohort, 'names' | 'files'> & { cohort: Pick<Cohort, 'type'> })[],
): Promise<void> {
  const types = new Map<string | null, { files: readonly MigrationFile[]; names: Set<string> }>();
  for (const { cohort, names, files } of wanted) {
    const union = types.get(cohort.type) ?? { files, names: new Set() };
    for (const name of names) union.names.add(name);
    types.set(cohort.type, union);
  }
  const refusals: TenantsError[] = [];
  for (const [type, { files, names }] of types) {
    try {
      await planner.compile(type, files, [...names]);
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
