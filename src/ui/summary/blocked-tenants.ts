import type { StatusReport } from '../../fleet/types.js';
import { plural } from '../../util/format-count.js';
import { displayWidth, truncate } from '../text/display-width.js';
import type { FormatContext } from '../text/format-context.js';
import { listedWithin } from '../text/name-list.js';
import type { Style } from '../text/style.js';

type Cohort = StatusReport['cohorts'][number];

const BLOCKED = [
  ['ahead', 'ahead', 'has a migration that is not on disk'],
  ['outOfOrder', 'out of order', 'applied in a different order than the files'],
  ['missing', 'missing', 'no schema'],
  ['unreadable', 'unreadable', 'its migrations table cannot be read'],
  ['unknownType', 'of an unknown type', 'not in tenants.types of the configuration'],
] as const;

const ROOM_FOR_NAMES = 30;

/** One line for each state that prevents migration, with as many names as the width allows. */
export function blockedTenantLines(cohorts: readonly Cohort[], style: Style, { columns }: FormatContext): string[] {
  return BLOCKED.flatMap(([state, label, meaning]) => {
    const affected = cohorts.filter((cohort) => cohort.state === state);
    const total = affected.reduce((sum, cohort) => sum + cohort.count, 0);
    if (total === 0) return [];
    const names = affected.flatMap((cohort) => cohort.tenants);
    const who = `! ${plural(total, 'tenant')} ${label}`;
    const explained = `${who} (${meaning}): `;
    // If there is no room for both, names are more useful than the explanation.
    const head = columns !== undefined && columns - explained.length < ROOM_FOR_NAMES ? `${who}: ` : explained;
    const room = (columns ?? 160) - displayWidth(head) - 1;
    return [`${style.yellow(head)}${truncate(listedWithin(names, room, total), room)}`];
  });
}

/** Whether a cohort is in none of these states. */
export function isRegular({ state }: Cohort): boolean {
  return state === 'upToDate' || state === 'pending';
}
