import type { FileSet } from '../../journal/checksums/types.js';
import type { Cohort, FilesByType } from '../cohorts.js';
import type { SurveyedShared } from '../read-shared.js';

/**
 * The migrations directories, with what is applied of them. Pure.
 *
 * @param complete the cohorts are the whole fleet
 */
export function fileSets(
  { surveyed, files }: SurveyedShared,
  fleet: { cohorts: readonly Cohort[]; files: FilesByType } | undefined,
  complete: boolean,
): FileSet[] {
  const shared: FileSet = {
    schema: 'shared',
    type: null,
    files,
    applied: new Set(surveyed.applied),
    complete: surveyed.error === undefined,
  };
  const byType = [...(fleet?.files ?? [])].map(([type, own]): FileSet => {
    const cohorts = fleet?.cohorts.filter((cohort) => cohort.type === type) ?? [];
    const readable = cohorts.every(({ state }) => state.kind !== 'unreadable');
    const applied = new Set(cohorts.flatMap((cohort) => cohort.applied));
    return { schema: 'tenant', type, files: own, applied, complete: complete && readable };
  });
  return [shared, ...byType];
}
