import type { Cohort, FilesByType } from '../fleet/cohorts.js';
import type { StatusReport } from '../fleet/types.js';
import type { RecordedResult, RecordedRun } from '../journal/types.js';
import { groupFailures, recordedFailures } from '../ui/summary/failure-groups.js';
import { outcomeOf } from '../ui/summary/format-runs.js';
import { describeReason, type NotExecutedReason } from '../ui/text/reasons.js';
import { redact } from '../util/redact.js';
import type { FleetPage, PageCohort, PageFailure, PageResults, PageRun, PageType } from './types.js';

/** What the journal answered: `results` are those of the run `last`. */
export type RunsOfPage =
  | { journal: 'off' | 'absent' }
  | { journal: 'ready'; runs: RecordedRun[]; last?: RecordedRun; results?: RecordedResult[] };

/** What a page is made of. */
export type PageParts = Pick<FleetPage, 'createdAt' | 'version' | 'database'> & {
  report: StatusReport;
  cohorts: readonly Cohort[];
  files: FilesByType;
  runs: RunsOfPage;
};

/** Characters of a message or a statement that are shown. */
const LONGEST = 2000;

/** Puts together what the page says. Pure. */
export function fleetPageOf({ report, cohorts, files, runs, ...about }: PageParts): FleetPage {
  const tenants: string[] = [];
  const types: PageType[] = [];
  const sorted = cohorts.toSorted((a, b) => b.members.length - a.members.length);
  const shown = sorted.map((cohort) => addCohort(cohort, files, types, tenants));
  const { applied, pending, state } = report.shared;
  const ready = runs.journal === 'ready' ? runs : undefined;
  return {
    ...about,
    shared: { applied: applied.length, pending, ...(state === undefined ? {} : { state }) },
    counts: report.tenants,
    tenants,
    types,
    cohorts: shown,
    journal: { state: runs.journal },
    runs: (ready?.runs ?? []).map((run) => pageRun(run)),
    lastRun: ready?.last === undefined ? null : resultsOf(ready.last, ready.results ?? [], tenants),
  };
}

function addCohort(cohort: Cohort, files: FilesByType, types: PageType[], tenants: string[]): PageCohort {
  const { type, state, applied, members, rows = false } = cohort;
  const known = types.findIndex((one) => one.type === type);
  const index = known === -1 ? types.length : known;
  const names = files.get(type)?.map(({ name }) => name) ?? [];
  const own = (types[index] ??= { type, migrations: names, files: names.length });
  const positions = new Map(own.migrations.map((name, position) => [name, position]));
  for (const name of applied) {
    if (!positions.has(name)) positions.set(name, own.migrations.push(name) - 1);
  }
  const done = new Set(applied.map((name) => positions.get(name) ?? -1));
  let upTo = 0;
  while (done.has(upTo)) upTo += 1;
  const others = [...done].filter((position) => position > upTo).sort((a, b) => a - b);
  const first = tenants.length;
  for (const { schema } of members) tenants.push(schema);
  return { type: index, state: state.kind, rows, upTo, others, first, count: members.length };
}

function pageRun(run: RecordedRun): PageRun {
  const { id, command, startedAt, finishedAt, state, exitCode, counts, user, host } = run;
  const by = [user, host].filter(Boolean).join('@');
  return { id, command, startedAt, finishedAt, state, exitCode, counts, outcome: outcomeOf(run), by };
}

/** Tenants that were deleted or renamed since are added to `tenants`. */
function resultsOf(run: RecordedRun, results: readonly RecordedResult[], tenants: string[]): PageResults {
  const positions = new Map(tenants.map((name, position) => [name, position]));
  const positionOf = (name: string): number => {
    const known = positions.get(name);
    if (known !== undefined) return known;
    positions.set(name, tenants.length);
    return tenants.push(name) - 1;
  };
  const statuses = [...new Set(results.map(({ status }) => status))];
  const began = Date.parse(run.startedAt);
  return {
    run: pageRun(run),
    statuses,
    tenant: results.map(({ tenant }) => positionOf(tenant)),
    status: results.map(({ status }) => statuses.indexOf(status)),
    startedAt: results.map(({ startedAt }) => (startedAt === null ? null : Date.parse(startedAt) - began)),
    durationMs: results.map(({ durationMs }) => durationMs),
    failures: groupFailures(recordedFailures(results)).map(
      ({ migration, code, first, messages, tenants: names }): PageFailure => ({
        migration: migration ?? null,
        code,
        file: first.error.file ?? null,
        line: first.error.line ?? null,
        statement: first.error.statement === undefined ? null : shorten(first.error.statement),
        messages: messages.map((message) => shorten(message)),
        tenants: names.map((name) => positionOf(name)),
      }),
    ),
    leftOut: leftOut(results, positionOf),
  };
}

function leftOut(results: readonly RecordedResult[], positionOf: (name: string) => number): PageResults['leftOut'] {
  const groups = new Map<string, number[]>();
  for (const { tenant, status, reason } of results) {
    if (status !== 'notExecuted' && status !== 'missing') continue;
    const because = status === 'missing' ? 'their schema does not exist' : describeReason(reason as NotExecutedReason);
    const known = groups.get(because);
    if (known === undefined) groups.set(because, [positionOf(tenant)]);
    else known.push(positionOf(tenant));
  }
  return [...groups].map(([reason, members]) => ({ reason, tenants: members }));
}

function shorten(text: string): string {
  const safe = redact(text);
  return safe.length <= LONGEST ? safe : `${safe.slice(0, LONGEST)}…`;
}
