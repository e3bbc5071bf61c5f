import type { migrateDocument } from '../../src/cli/documents.js';
import type { MigrationSet, Traced } from './migrations.js';
import type { FleetState, SchemaState } from './state.js';

/** What `migrate --json` and `rollback --json` print. */
export type RunDocument = ReturnType<typeof migrateDocument>;

/** How a schema may look. */
export type Expected = {
  set: MigrationSet;
  /** `all`: nothing is missing; `none`: only the first migration is applied; `between`: any place where one may stop. */
  at: 'all' | 'none' | 'between';
  direction?: 'up' | 'down';
  /** A tenant may be left after any migration. */
  anyStop?: boolean;
};

/** What is wrong with the fleet, each with the tenant's name; nothing in the best case. */
export function complainAbout(state: FleetState, expected: Expected): string[] {
  return [...complainAboutRegistry(state), ...[...state.schemas.values()].flatMap((one) => complain(one, expected))];
}

/** Schemas without a row, and rows without a schema. */
export function complainAboutRegistry({ registered, schemas }: FleetState): string[] {
  return [
    ...[...schemas.keys()].filter((name) => !registered.has(name)).map((name) => `${name}: a schema without a row`),
    ...[...registered.keys()].filter((name) => !schemas.has(name)).map((name) => `${name}: a row without a schema`),
  ];
}

/** What is wrong with one tenant. */
export function complain(schema: SchemaState, expected: Expected): string[] {
  const { set, at } = expected;
  const { applied } = schema;
  const names = set.all.map(({ name }) => name);
  const wrong = set.all.filter((one) => !fits(schema, one, expected)).map((one) => describe(schema, one));
  if (applied.some((name, position) => name !== names[position])) wrong.push(`its list is ${applied.join(', ')}`);
  if (at === 'all' && applied.length !== names.length) wrong.push(`only ${applied.length} migrations are applied`);
  if (at === 'none' && applied.length !== 1) wrong.push(`${applied.length} migrations are applied instead of one`);
  if (at === 'between' && expected.anyStop !== true && !set.stops.includes(applied.length)) {
    wrong.push(`${applied.length} migrations are applied, and none should stop there`);
  }
  if (at !== 'between') {
    for (const [name, valid] of schema.relations) if (!valid) wrong.push(`the index ${name} is not valid`);
  }
  return wrong.map((text) => `${schema.schema}: ${text}`);
}

/** The bookkeeping row is there exactly when everything is that the migration makes. */
function fits(schema: SchemaState, one: Traced, { at, direction = 'up' }: Expected): boolean {
  const found = one.found(schema);
  const recorded = schema.applied.includes(one.name);
  // Outside a transaction the index comes before its row, and goes before it: the next run sees it.
  const apart = one.outside === true && at === 'between' && recorded === (direction === 'down');
  return apart || found === (recorded ? 'all' : 'none');
}

function describe(schema: SchemaState, one: Traced): string {
  const row = schema.applied.includes(one.name) ? 'is recorded' : 'is not recorded';
  return `${one.name} ${row}, and of what it makes there is ${one.found(schema)}`;
}

/** Where the results of a run that lived to report differ from the database. */
export function complainAboutReport(document: RunDocument, before: FleetState, after: FleetState): string[] {
  const wrong: string[] = [];
  const results = new Map(document.results.map((result) => [result.tenant, result]));
  if (results.size !== document.results.length) wrong.push('a tenant has two results');
  for (const [tenant, { applied }] of after.schemas) {
    const old = before.schemas.get(tenant)?.applied ?? [];
    const [longer, shorter] = document.command === 'migrate' ? [applied, old] : [old, applied];
    const done = longer.filter((name) => !shorter.includes(name));
    const result = results.get(tenant);
    const told = toldOf(result);
    if (told === undefined || same(told, done)) continue;
    wrong.push(`${tenant}: the report says ${JSON.stringify(result)}, the database ${done.join(', ') || 'nothing'}`);
  }
  const { total, upToDate, failed, notExecuted, missing } = document.tenants;
  if (total !== doneBy(document) + upToDate + failed + notExecuted + missing) wrong.push('the counts do not add up');
  const sizes = [before.registered.size, after.registered.size];
  if (!sizes.includes(total)) wrong.push(`the report counts ${total} of ${sizes.join(' or ')} tenants`);
  const clean = failed + notExecuted + missing === 0 && document.shared.status !== 'failed';
  if (clean !== (document.exitCode === 0)) wrong.push(`the exit code is ${document.exitCode}`);
  return wrong;
}

/** Tenants that the run migrated or rolled back. */
export function doneBy({ tenants }: Pick<RunDocument, 'tenants'>): number {
  return 'applied' in tenants ? tenants.applied : tenants.rolledBack;
}

/** The migrations that a result claims; `undefined` when it says itself that it does not know. */
function toldOf(result: RunDocument['results'][number] | undefined): string[] | undefined {
  switch (result?.status) {
    case 'applied':
    case 'rolledBack':
      return result.migrations;
    case 'failed':
      return result.unknownOutcome === true ? undefined : result.committed;
    default:
      return [];
  }
}

function same(some: readonly string[], others: readonly string[]): boolean {
  return some.toSorted().join(' ') === others.toSorted().join(' ');
}
