import type { Client } from 'pg';

import type { RegistrationHooks } from '../../engine/hooks/migrate-hooks.js';
import type { MigrationFile, Plan } from '../../engine/types.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { Cohort } from '../../fleet/cohorts.js';
import { createPlanner, installedExtensions, type Planner } from '../../fleet/planner.js';
import { compareWithMigrationFiles } from '../../fleet/schema-state.js';
import { surveySchema, type SurveyedSchema } from '../../fleet/survey.js';
import { hookCalls } from '../../project/hook-calls.js';
import type { Project } from '../../project/project.js';
import type { NewTenant } from '../../registry/registration.js';
import type { CreateTenantOptions } from '../create-types.js';
import type { NewTenantFiles } from './files.js';

/** What is to be done for a tenant, and where its schema stands. */
export type PlannedTenant = { plan: Plan; place: SurveyedSchema; files: readonly MigrationFile[] };

/** The plan that brings a new, adopted or unfinished schema up to date. */
export async function planNewTenant(
  client: Client,
  project: Project,
  { schema, type }: Pick<NewTenant, 'schema' | 'type'>,
  options: Pick<CreateTenantOptions, 'noMigrate'> & { given: NewTenantFiles },
): Promise<PlannedTenant> {
  const place = await surveySchema(client, project, schema);
  if (place.error !== undefined) throw new TenantsError('TENANT_UNREADABLE', place.error.message, place.error);
  return await planFrom(await newTenantPlanner(client, project), project, { type, place, options });
}

/** Compiles what new tenants get; each migration once, however many plans are made. */
export async function newTenantPlanner(client: Client, project: Project): Promise<Planner> {
  return createPlanner({ project, direction: 'up', fake: false, extensions: await installedExtensions(client) });
}

/** The same from a place that is known: a schema that is not there yet stands for all that are not. */
export async function planFrom(
  planner: Planner,
  project: Project,
  {
    type,
    place,
    options: { given, noMigrate = false },
  }: {
    type: string | null;
    place: SurveyedSchema;
    options: Pick<CreateTenantOptions, 'noMigrate'> & { given: NewTenantFiles };
  },
): Promise<PlannedTenant> {
  const { all, files } = given;
  const isGiven = new Set(files.map(({ name }) => name));
  const names = noMigrate ? [] : pendingOf(place, all, project.checkOrder).filter((name) => isGiven.has(name));
  const cohort: Cohort = {
    type,
    state: { kind: 'pending', pending: names },
    applied: place.applied,
    tableExists: place.tableExists,
    members: [{ schema: place.schema, oid: place.oid }],
  };
  return { plan: await planner.planCohort({ cohort, files: all, names }), place, files: all };
}

function pendingOf(place: SurveyedSchema, files: readonly MigrationFile[], checkOrder: boolean): string[] {
  const state = compareWithMigrationFiles(files, place.applied, checkOrder);
  if (state.kind === 'pending') return state.pending;
  if (state.kind === 'upToDate') return [];
  throw new TenantsError(
    state.kind === 'ahead' ? 'TENANT_AHEAD' : 'TENANT_OUT_OF_ORDER',
    `The applied migrations of the schema "${place.schema}" do not match the files on disk.`,
    {
      suggestions: [
        'Compare its migrations table with the migrations directory, or disable the check with --no-check-order.',
      ],
    },
  );
}

/** The hooks around the creation of a tenant. */
export function creationHooks(
  project: Project,
  { schema, type, domains }: Pick<NewTenant, 'schema' | 'type' | 'domains'>,
  options: Pick<CreateTenantOptions, 'hooks'>,
): RegistrationHooks {
  const { beforeCreateTenant, afterCreateTenant } = options.hooks ?? project.hooks ?? {};
  const told = { tenant: schema, type, domains: domains.map(({ domain }) => domain), source: null };
  return {
    before: hookCalls('beforeCreateTenant', beforeCreateTenant, told),
    after: hookCalls('afterCreateTenant', afterCreateTenant, told),
  };
}
