import type { Cohort } from './cohorts.js';
import type { CohortSummary, FleetCounts } from './types.js';

/** Cohorts as `status` and `plan` show them, the largest first. Pure. */
export function summarize(cohorts: readonly Cohort[]): { counts: FleetCounts; cohorts: CohortSummary[] } {
  const counts: FleetCounts = { total: 0, upToDate: 0, pending: 0, ahead: 0, outOfOrder: 0, missing: 0 };
  for (const { state, members, post } of cohorts) {
    counts.total += members.length;
    if (state.kind in counts) counts[state.kind as Counted] += members.length;
    if (state.kind === 'pending' && state.pending.length === post?.length) {
      counts.postOnly = (counts.postOnly ?? 0) + members.length;
    }
  }
  const summaries = cohorts.map((cohort) => summaryOf(cohort));
  return { counts, cohorts: summaries.sort((a, b) => b.count - a.count) };
}

type Counted = Exclude<keyof FleetCounts, 'postOnly'>;

function summaryOf({ type, state, applied, members, rows, post }: Cohort): CohortSummary {
  return {
    type,
    last: applied.at(-1) ?? null,
    applied: applied.length,
    pending: state.kind === 'pending' || state.kind === 'missing' ? state.pending : [],
    ...(post === undefined ? {} : { post }),
    count: members.length,
    tenants: members.map(({ schema }) => schema),
    state: state.kind,
    ...(rows === undefined ? {} : { rows }),
  };
}
