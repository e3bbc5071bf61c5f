import { postOf } from '../../engine/phases.js';
import type { Cohort } from '../../fleet/cohorts.js';
import type { SurveyedFleet } from '../../fleet/read-fleet.js';
import { compareShared } from '../../fleet/shared-schema.js';
import { plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { right, wrong } from '../results.js';
import type { Check, CheckGroup, Examination } from '../types.js';
import { readTableKeys } from './migrations-tables.js';
import { schemasWithWrongTimes } from './wrong-times.js';

/** The state of the shared schema, which can be determined without a registry. */
export const SHARED_MIGRATION_CHECKS: CheckGroup = {
  names: ['shared-migrations'],
  run: async (exam) => [sharedCheck(exam, await schemasWithWrongTimes({ ...exam, fleet: undefined }))],
};

/** The state of the tenants, from the same survey and cohorts as `status`, and of their migrations tables. */
export const MIGRATION_CHECKS: CheckGroup = {
  names: ['tenant-migrations', 'migrations-tables'],
  needs: 'fleet',
  run: async (exam) => {
    const { fleet } = exam;
    if (fleet === undefined) return [];
    return [tenantsCheck(exam, fleet, await schemasWithWrongTimes(exam)), await tablesCheck(exam, fleet)];
  },
};

/** Order is always looked at here: `checkOrder: false` accepts it, but node-pg-migrate's own check does not. */
function sharedCheck({ project: { checkOrder }, shared }: Examination, wrongTimes: ReadonlySet<string>): Check {
  const name = 'shared-migrations';
  const { error } = shared.surveyed;
  if (error !== undefined) {
    return wrong(name, 'cannot be read', { items: [error.message], suggestions: error.suggestions ?? [] });
  }
  const { state } = compareShared(shared, true);
  if (state.kind === 'upToDate') return right(name, `${plural(shared.files.length, 'migration')} applied`);
  const waiting = postOf(shared.files, state.kind === 'pending' ? state.pending : []).post ?? [];
  if (state.kind === 'pending' && waiting.length === state.pending.length) {
    return right(name, `${plural(waiting.length, 'migration')} waiting for the new code`, { items: waiting });
  }
  if (state.kind === 'pending') {
    return wrong(name, `${plural(state.pending.length, 'migration')} pending`, {
      items: state.pending,
      suggestions: [`Run: ${tenantsCommand('migrate', '--shared')}`],
    });
  }
  if (wrongTimes.has(shared.surveyed.schema)) return wrong(name, TIMES_WRONG, { suggestions: [repairTimes()] });
  const items =
    state.kind === 'ahead' ? state.unknown : [`${state.found} is applied where the files have ${state.expected}`];
  const what = state.kind === 'ahead' ? 'ahead of the files' : 'out of order';
  if (!checkOrder) return right(name, `${what}, which checkOrder: false accepts`, { items: [...items, FOR_EVER] });
  return wrong(name, what, { items, suggestions: WAYS_OUT[state.kind] });
}

const TIMES_WRONG = 'applied in order, with times that are not: a clock or a time zone went back';
const repairTimes = (): string => `To put the times in order, run: ${tenantsCommand('doctor', '--fix')}`;
const FOR_EVER = "node-pg-migrate's own order check then always fails for it";

const WAYS_OUT = {
  ahead: ['Deploy the code that has these migrations, or restore their files.'],
  outOfOrder: [
    'Rename the new file so that it sorts after the applied ones.',
    `--no-check-order accepts it, but ${FOR_EVER}.`,
  ],
} as const satisfies Record<string, string[]>;

/** Tenants that cannot be migrated because of their state. Tenants with pending migrations are fine. Pure. */
export function tenantsCheck(
  { project }: Pick<Examination, 'project'>,
  { cohorts }: Pick<SurveyedFleet, 'cohorts'>,
  wrongTimes: ReadonlySet<string> = new Set(),
): Check {
  const { checkOrder } = project;
  const count = (...kinds: Cohort['state']['kind'][]): number =>
    cohorts.filter(({ state }) => kinds.includes(state.kind)).reduce((sum, { members }) => sum + members.length, 0);
  const odd = cohorts.flatMap((cohort) =>
    cohort.members.flatMap(({ schema }) =>
      wrongTimes.has(schema) ? [`${schema}: ${TIMES_WRONG}`] : describe(schema, cohort),
    ),
  );
  const ordered = cohorts.map((cohort) => ({
    ...cohort,
    members: cohort.members.filter(({ schema }) => !wrongTimes.has(schema)),
  }));
  const repair = cohorts.some(({ members }) => members.some(({ schema }) => wrongTimes.has(schema)))
    ? [repairTimes()]
    : [];
  const parts = [
    [count('upToDate'), 'up to date'],
    [count('pending'), 'pending'],
    [count('ahead'), 'ahead'],
    [count('outOfOrder'), 'out of order'],
    [count('unreadable'), 'unreadable'],
    [count('unknownType'), 'of an unknown type'],
  ] as const;
  const shown = parts
    .filter(([value]) => value > 0)
    .map(([value, label]) => `${value.toLocaleString('en-US')} ${label}`);
  const actual = shown.length === 0 ? 'no tenants yet' : shown.join(', ');
  const unordered = count('ahead') + count('outOfOrder');
  const blocked = count('unreadable', 'unknownType') + (checkOrder ? unordered : repair.length);
  const accepted = !checkOrder && unordered > 0 ? [`checkOrder: false accepts the order, but ${FOR_EVER}`] : [];
  if (blocked === 0) {
    return right('tenant-migrations', actual, odd.length === 0 ? {} : { items: [...odd, ...accepted] });
  }
  return wrong('tenant-migrations', actual, {
    items: [...odd, ...accepted],
    suggestions: [
      ...repair,
      ...advice(
        ordered.filter(({ members }) => members.length > 0),
        checkOrder,
      ),
    ],
  });
}

function describe(schema: string, { state }: Cohort): string[] {
  switch (state.kind) {
    case 'ahead':
      return [`${schema}: ${state.unknown.slice(0, 3).join(', ')} is not on disk`];
    case 'outOfOrder':
      return [`${schema}: ${state.found} is applied where the files have ${state.expected}`];
    case 'unreadable':
      return [`${schema}: ${state.error.message}`];
    case 'unknownType':
      return [`${schema}: its type "${state.type}" is not in the configuration`];
    default:
      return [];
  }
}

function advice(cohorts: readonly Cohort[], checkOrder: boolean): string[] {
  const kinds = new Set(cohorts.map(({ state }) => state.kind));
  return [
    ...(checkOrder && kinds.has('ahead') ? WAYS_OUT.ahead : []),
    ...(checkOrder && kinds.has('outOfOrder') ? WAYS_OUT.outOfOrder : []),
    ...(kinds.has('unreadable') ? adviceForUnreadable(cohorts) : []),
    ...(kinds.has('unknownType') ? [`Add the type to tenants.types, or correct the tenants' rows.`] : []),
  ];
}

function adviceForUnreadable(cohorts: readonly Cohort[]): string[] {
  const known = cohorts.flatMap(({ state }) => (state.kind === 'unreadable' ? (state.error.suggestions ?? []) : []));
  return known.length > 0
    ? [...new Set(known)]
    : ['Grant the user the rights on these schemas, or migrate as their owner.'];
}

async function tablesCheck(exam: Examination, fleet: SurveyedFleet): Promise<Check> {
  const keyless = (await readTableKeys(exam)).filter(({ hasKey }) => !hasKey).map(({ schema }) => schema);
  const twice = fleet.cohorts.flatMap(({ applied, members }) => {
    const names = [...new Set(applied.filter((name, index) => applied.indexOf(name) !== index))];
    return names.length === 0 ? [] : members.map(({ schema }) => ({ schema, names }));
  });
  if (keyless.length + twice.length === 0) return right('migrations-tables', 'as node-pg-migrate creates them');
  const parts = [
    ...(keyless.length > 0 ? [`${keyless.length} without a primary key`] : []),
    ...(twice.length > 0 ? [`${twice.length} with a duplicate name`] : []),
  ];
  return wrong('migrations-tables', parts.join(', '), {
    items: [
      ...keyless.map((schema) => `${schema}: no primary key`),
      ...twice.map(({ schema, names }) => `${schema}: ${names.slice(0, 3).join(', ')} twice`),
    ],
    suggestions: [
      ...(keyless.length > 0 ? [`To add the keys, run: ${tenantsCommand('doctor', '--fix')}`] : []),
      ...(twice.length > 0 ? [`Check these rows of "${exam.project.migrationsTable}" and delete the duplicates.`] : []),
    ],
  });
}
