import type { Client } from 'pg';

import { type BatchItem, sendBatch } from '../db/batch.js';
import { qualified, quoteIdentifier } from '../db/identifiers.js';
import { SQLSTATE } from '../db/sqlstates.js';
import { lockGuard } from '../engine/apply/guards.js';
import type { EngineLane } from '../engine/apply/lane.js';
import { raise } from '../engine/apply/raise.js';
import type { RegistrationHooks } from '../engine/hooks/migrate-hooks.js';
import { isAtomic, planNames } from '../engine/plan.js';
import type { MigrationFile, Plan, Segment } from '../engine/types.js';
import { ERROR_CODES, type ErrorCode } from '../errors/codes.js';
import { isTenantsError, TenantsError } from '../errors/tenants-error.js';
import type { TenantResult } from '../executors/types.js';
import { applySettings } from '../fleet/apply-settings.js';
import { createLaneOpener } from '../fleet/open-lanes.js';
import type { SurveyedSchema } from '../fleet/survey.js';
import type { Project } from '../project/project.js';
import { type RegistryShape, STATUS } from '../registry/names.js';
import { registrationFailure } from '../registry/registration-failure.js';
import {
  activateStatements,
  type NewTenant,
  registrationStatements,
  removeRegistrationStatements,
} from '../registry/registration.js';
import { tenantsCommand } from '../util/tenants-command.js';
import type { CreateTenantOptions } from './create-types.js';
import { registryWrites } from './write-registry.js';

export type NewTenantWork = {
  registration: NewTenant;
  plan: Plan;
  place: SurveyedSchema;
  files: readonly MigrationFile[];
  /** The tenant is already registered: a killed process left it in the state `provisioning`. */
  leftover: boolean;
  options: CreateTenantOptions;
  hooks: RegistrationHooks;
};

/**
 * Registers a new tenant and executes its plan: in one transaction if the plan allows it, otherwise in several with the
 * state `provisioning` in between.
 *
 * @returns the migrations that were applied.
 * @throws TenantsError as `createTenant`, after removing what this call created.
 */
export async function provision(client: Client, project: Project, work: NewTenantWork): Promise<string[]> {
  const lane = await openProvisioningLane(project, [work], work.options.cancel);
  try {
    return await provisionOn(lane, client, project, work);
  } finally {
    await lane.close();
  }
}

/** A lane for tenants that are made by these plans. */
export async function openProvisioningLane(
  project: Project,
  works: readonly (Steps & Pick<NewTenantWork, 'files'>)[],
  cancel: AbortSignal = new AbortController().signal,
): Promise<EngineLane> {
  const files = new Map(works.map((work) => [work.plan.id, work.files]));
  return await createLaneOpener({
    project,
    plans: new Map(works.map((work) => [work.plan.id, framed(project, work)])),
    filesOf: ({ id }) => files.get(id) ?? [],
    settings: applySettings(project),
    cancel,
  })();
}

/** The same as `provision`, on a lane that was opened for its plan. */
export async function provisionOn(
  lane: EngineLane,
  client: Client,
  project: Project,
  work: NewTenantWork,
): Promise<string[]> {
  const { registration, plan, place, leftover, hooks } = work;
  const { registry } = project;
  const whole = isWhole(project, work);
  const status = whole ? STATUS.active : STATUS.provisioning;
  const prelude: BatchItem[] = leftover ? [] : registrationStatements(registry, { ...registration, status });
  const postlude = whole ? [] : activateStatements(registry, registration.schema);
  const result = await lane.apply(
    { tenant: registration.schema, planId: plan.id, schemaOid: place.oid },
    { prelude, postlude, hooks },
  );
  if (result.status === 'applied') return planNames(plan);
  const error = await failureOf(client, project, work, lane, result);
  // Once the first transaction has been committed, there is something to remove.
  const begun = !whole && !leftover && (lane.lastFailure?.segment ?? 0) > 0;
  if (begun && !(await takeBack(client, project, work))) throw leftBehind(registration.schema, error);
  throw error;
}

/** Whether everything is done in one transaction. Citus needs one for a distributed schema, and another for what is in it. */
export function isWhole(project: Project, { plan, leftover, place }: Steps): boolean {
  return isAtomic(plan) && !leftover && (project.tenants.distribute !== true || place.oid !== null);
}

/** What tells how many transactions it takes. */
type Steps = Pick<NewTenantWork, 'plan' | 'leftover' | 'place'>;

/** Plans with transactions for the registration: the same object for all tenants, so that the lane keeps what it has sent. */
const framedPlans = new WeakMap<Plan, Plan>();

function framed(project: Project, work: Steps): Plan {
  const known = framedPlans.get(work.plan);
  if (known !== undefined) return known;
  const made = framePlan(work.plan, !isWhole(project, work));
  framedPlans.set(work.plan, made);
  return made;
}

/** Adds a transaction for the registration at the beginning and, in several steps, one at the end, if the plan has none there. */
export function framePlan(plan: Plan, inSteps: boolean): Plan {
  const empty: Segment = { transaction: true, migrations: [] };
  const segments = [...plan.segments];
  if (segments[0]?.transaction !== true) segments.unshift(empty);
  if (inSteps && segments.at(-1)?.transaction !== true) segments.push(empty);
  return { ...plan, segments };
}

function isRegistrationFailure(lane: EngineLane): boolean {
  return lane.lastFailure?.place.step === 'prelude';
}

async function failureOf(
  client: Client,
  project: Project,
  { registration, options }: NewTenantWork,
  lane: EngineLane,
  result: TenantResult,
): Promise<unknown> {
  if (isRegistrationFailure(lane)) {
    const whole = { ...registration, adopt: options.adopt === true };
    const explained = await registrationFailure(client, project.registry, whole, lane.lastFailure?.error);
    if (explained instanceof TenantsError) return explained;
  }
  if (result.status === 'notExecuted') {
    return new TenantsError('INTERRUPTED', `Creating "${registration.schema}" was canceled; nothing was left behind.`);
  }
  if (result.status !== 'failed') {
    return new TenantsError('UNEXPECTED', `Creating "${registration.schema}" ended as ${result.status}.`);
  }
  const { code, message, cause: _cause, name: _name, ...details } = result.error;
  if (options.cancel?.aborted === true && details.sqlstate === SQLSTATE.queryCanceled) {
    return new TenantsError('INTERRUPTED', `Creating "${registration.schema}" was canceled.`, details);
  }
  const known = code in ERROR_CODES ? (code as ErrorCode) : 'DATABASE_ERROR';
  if (isRegistrationFailure(lane) && details.sqlstate === SQLSTATE.insufficientPrivilege) {
    return new TenantsError('DATABASE_REFUSED', `The tenant "${registration.schema}" was not created: ${message}.`, {
      ...details,
      suggestions: [
        'The database user needs CREATE on the database, and INSERT on the tables of the registry.',
        'Grant these privileges, or connect as the owner of the database.',
      ],
      cause: lane.lastFailure?.error,
    });
  }
  const unknown =
    result.unknownOutcome === true
      ? ` It is not known whether the tenant was created; check with: ${tenantsCommand('list')}`
      : '';
  const isThere = options.adopt === true && ALREADY_THERE.has(details.sqlstate ?? '');
  return new TenantsError(known, `The tenant "${registration.schema}" was not created: ${message}${unknown}`, {
    ...details,
    ...(isThere ? { suggestions: waysToAdopt(registration.schema, details.migration) } : {}),
    cause: lane.lastFailure?.error,
  });
}

/** What a migration creates is there already: a schema, table, column, function or another object. */
const ALREADY_THERE: ReadonlySet<string> = new Set([
  SQLSTATE.duplicateSchema,
  SQLSTATE.duplicateTable,
  SQLSTATE.duplicateColumn,
  SQLSTATE.duplicateFunction,
  SQLSTATE.duplicateObject,
]);

/** An adopted schema has what migrations create, and no record of them. */
function waysToAdopt(schema: string, migration = 'NAME'): string[] {
  return [
    `To register the schema as it is, run: ${tenantsCommand('create-tenant', schema, '--adopt', '--no-migrate')}`,
    `Then record the migrations whose objects it has, up to the last of them: ${tenantsCommand('migrate', '--tenant', schema, '--fake', '--to', migration)}`,
  ];
}

/**
 * Removes what the earlier transactions of this call committed; an adopted schema stays. False when it could not, or when
 * another session has finished the tenant in the meantime: what is there then is no longer this call's.
 */
async function takeBack(client: Client, project: Project, { registration, options }: NewTenantWork): Promise<boolean> {
  const { schema } = registration;
  const items: BatchItem[] = [
    { text: 'BEGIN' },
    lockGuard(schema),
    ...stillProvisioningGuard(project.registry, schema),
    ...registryWrites(project, removeRegistrationStatements(project.registry, schema)),
    ...(options.adopt === true ? [] : [{ text: `DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE` }]),
    { text: 'COMMIT' },
  ];
  try {
    await sendBatch(client, items);
    return true;
  } catch {
    await client.query('ROLLBACK').catch(() => {});
    return false;
  }
}

/** Fails if the row is no longer in the state in which this call left it. Without a status column there is no way to tell. */
function stillProvisioningGuard({ schema: shared, tenants }: RegistryShape, schema: string): BatchItem[] {
  const { status, schemaName } = tenants.columns;
  if (status === null) return [];
  const row = `SELECT FROM ${qualified(shared, tenants.table)} WHERE ${quoteIdentifier(schemaName)} = $1 AND ${quoteIdentifier(status)} = '${STATUS.provisioning}'`;
  return [
    {
      text: `SELECT CASE WHEN EXISTS (${row}) THEN 1 ELSE ${raise('not provisioning')} END`,
      values: [schema],
    },
  ];
}

/** The failure itself, with suggestions for finishing or removing what is left. */
function leftBehind(schema: string, error: unknown): unknown {
  if (!isTenantsError(error)) return error;
  return new TenantsError(error.code, `${error.message} What had been created could not be removed.`, {
    ...error.details,
    suggestions: [
      ...error.suggestions,
      `Run the same command again to finish it, or ${tenantsCommand('delete-tenant', schema)} to remove it.`,
    ],
    cause: error.cause,
  });
}
