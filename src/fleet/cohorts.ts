import { postOf } from '../engine/phases.js';
import { appliedAsFiles } from '../engine/replaced.js';
import type { MigrationFile } from '../engine/types.js';
import type { SerializedError } from '../errors/serialize.js';
import type { Tenant } from '../registry/types.js';
import { compareWithMigrationFiles, type SchemaState } from './schema-state.js';
import type { SurveyedSchema } from './survey.js';

/** A cohort's state: one of a schema's, or a reason why there is none to judge. */
export type CohortState =
  | SchemaState
  | { kind: 'missing'; pending: string[] }
  | { kind: 'unreadable'; error: SerializedError }
  /** The registry says a type that the configuration does not know. */
  | { kind: 'unknownType'; type: string };

/** The tenants that stand at the same place and so must do the same. */
export type Cohort = {
  type: string | null;
  state: CohortState;
  applied: string[];
  /** The same as the files have it, where a file takes the place of some: it counts as applied then. */
  asFiles?: readonly string[];
  tableExists: boolean;
  /** What of its pending migrations waits until the new code runs everywhere; absent without any. */
  post?: string[];
  /** Its tenants share tables, which the shared migrations make: there is nothing to run for them. */
  rows?: true;
  members: { schema: string; oid: number | null }[];
};

/** A cohort, the names of what it must run, and the files of its type. */
export type WantedCohort = { cohort: Cohort; names: readonly string[]; files: readonly MigrationFile[] };

/** The migration files of each tenant type; `null` is the default type. */
export type FilesByType = ReadonlyMap<string | null, readonly MigrationFile[]>;

/** Sorts surveyed tenants into cohorts, in the order in which their first member is handed out. Pure. */
export function formCohorts(
  tenants: readonly Tenant[],
  surveyed: readonly SurveyedSchema[],
  files: FilesByType,
  checkOrder: boolean,
): Cohort[] {
  const cohorts = new Map<string, Cohort>();
  const places = new Map(surveyed.map((place) => [place.schema, place]));
  const keyOf = listKeys();
  for (const tenant of tenants) {
    const place = places.get(tenant.schema);
    if (place === undefined) continue;
    const key = JSON.stringify([
      tenant.type,
      place.oid === null,
      place.tableExists,
      place.error === undefined ? keyOf(place.applied) : place.schema,
    ]);
    const cohort = cohorts.get(key);
    const member = { schema: tenant.schema, oid: place.oid };
    if (cohort === undefined) {
      const own = files.get(tenant.type) ?? [];
      const asFiles = appliedAsFiles(own, place.applied);
      const state = stateOf(tenant, place, files, checkOrder);
      cohorts.set(key, {
        type: tenant.type,
        state,
        applied: place.applied,
        ...postOf(own, 'pending' in state ? state.pending : []),
        ...(asFiles === place.applied ? {} : { asFiles }),
        tableExists: place.tableExists,
        members: [member],
      });
    } else {
      cohort.members.push(member);
    }
  }
  return [...cohorts.values()];
}

/** Cohorts of tenants that share tables, one for each type. They are where they should be. Pure. */
export function formRowCohorts(tenants: readonly Tenant[]): Cohort[] {
  const cohorts = new Map<string | null, Cohort>();
  for (const { schema, type } of tenants) {
    const member = { schema, oid: null };
    const cohort = cohorts.get(type);
    if (cohort !== undefined) cohort.members.push(member);
    else {
      const state = { kind: 'upToDate' } as const;
      cohorts.set(type, { type, state, applied: [], tableExists: false, rows: true, members: [member] });
    }
  }
  return [...cohorts.values()];
}

/**
 * Numbers for applied lists, the same for equal ones. The survey hands out one array to all schemas that share a list, so
 * that a long list is compared once and not once a tenant.
 */
function listKeys(): (applied: readonly string[]) => number {
  const byArray = new Map<readonly string[], number>();
  const byContent = new Map<string, number>();
  return (applied) => {
    const known = byArray.get(applied);
    if (known !== undefined) return known;
    const content = JSON.stringify(applied);
    const key = byContent.get(content) ?? byContent.size;
    byContent.set(content, key);
    byArray.set(applied, key);
    return key;
  };
}

function stateOf(tenant: Tenant, place: SurveyedSchema, files: FilesByType, checkOrder: boolean): CohortState {
  const own = files.get(tenant.type);
  if (own === undefined) return { kind: 'unknownType', type: tenant.type ?? '' };
  if (place.error !== undefined) return { kind: 'unreadable', error: place.error };
  if (place.oid === null) return { kind: 'missing', pending: own.map(({ name }) => name) };
  return compareWithMigrationFiles(own, place.applied, checkOrder);
}
