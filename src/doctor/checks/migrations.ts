import type { Cohort } from '../../fleet/cohorts.js';
import type { SurveyedFleet } from '../../fleet/read-fleet.js';
import { compareShared } from '../../fleet/shared-schema.js';
import { plural } from '../../util/format-count.js';
import { right, wrong } from '../results.js';
import type { Check, CheckGroup, Examination } from '../types.js';
import { readTableKeys } from './migrations-tables.js';

/** The state of the shared schema, which can be determined without a registry. */
export const SHARED_MIGRATION_CHECKS: CheckGroup = {
  names: ['shared-migrations'],
  run: (exam) => Promise.resolve([sharedCheck(exam)]),
};

/** The state of the tenants, from the same survey and cohorts as `status`, and of their migrations tables. */
export const MIGRATION_CHECKS: CheckGroup = {
  names: ['tenant-migrations', 'migrations-tables'],
  needs: 'fleet',
  run: async (exam) => {
    const { fleet } = exam;
    if (fleet === undefined) return [];
    return [tenantsCheck(exam, fleet), await tablesCheck(exam, fleet)];
  },
};

/** Order is always checked here: even if `checkOrder: false` accepts it, node-pg-migrate's own check does not. */
function sharedCheck({ project: { checkOrder }, shared }: Examination): Check {
  const name = 'shared-migrations';
  const { error } = shared.surveyed;
  if (error !== undefined) {
    return wrong(name, 'cannot be read', { items: [error.message], suggestions: error.suggestions ?? [] });
  }
  const { state } = compareShared(shared, true);
  if (state.kind === 'upToDate') return right(name, `${plural(shared.files.length, 'migration')} applied`);
  if (state.kind === 'pending') {
    return wrong(name, `${plural(state.pending.length, 'migration')} pending`, {
      items: state.pending,
      suggestions: ['Run: tenants migrate --shared'],
    });
  }
  const items =
    state.kind === 'ahead' ? state.unknown : [`${state.found} is applied where the files have ${state.expected}`];
  const what = state.kind === 'ahead' ? 'ahead of the files' : 'out of order';
  if (!checkOrder) return right(name, `${what}, which checkOrder: false accepts`, { items: [...items, FOR_EVER] });
  return wrong(name, what, { items, suggestions: WAYS_OUT[state.kind] });
}

const FOR_EVER = "node-pg-migrate's own order check will always fail there";

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
): Check {
  const { checkOrder } = project;
  const count = (...kinds: Cohort['state']['kind'][]): number =>
    cohorts.filter(({ state }) => kinds.includes(state.kind)).reduce((sum, { members }) => sum + members.length, 0);
  const odd = cohorts.flatMap((cohort) => cohort.members.flatMap(({ schema }) => describe(schema, cohort)));
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
  const blocked = count('unreadable', 'unknownType') + (checkOrder ? unordered : 0);
  const accepted = !checkOrder && unordered > 0 ? [`checkOrder: false accepts the order, but ${FOR_EVER}`] : [];
  if (blocked === 0) {
    return right('tenant-migrations', actual, odd.length === 0 ? {} : { items: [...odd, ...accepted] });
  }
  return wrong('tenant-migrations', actual, { items: [...odd, ...accepted], suggestions: advice(cohorts, checkOrder) });
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
    ...(kinds.has('unreadable') ? ['Grant the user privileges on these schemas, or migrate as their owner.'] : []),
    ...(kinds.has('unknownType') ? [`Add the type to tenants.types, or correct the tenants' rows.`] : []),
  ];
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
      ...(keyless.length > 0 ? ['To add the keys, run: tenants doctor --fix'] : []),
      ...(twice.length > 0 ? [`Check these rows of "${exam.project.migrationsTable}" and delete the duplicates.`] : []),
    ],
  });
}
