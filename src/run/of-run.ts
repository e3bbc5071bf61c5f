import type { Client } from 'pg';

import { serializeError } from '../errors/serialize.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { TenantResult } from '../executors/types.js';
import type { Cohort } from '../fleet/cohorts.js';
import type { Selection } from '../fleet/types.js';
import type { AppliedByRun } from '../journal/read/run-tenants.js';
import { readAppliedByRun, readFailedTenants } from '../journal/read/run-tenants.js';
import type { RecordedRun } from '../journal/types.js';
import type { Project } from '../project/project.js';
import { readTenants } from '../registry/list.js';
import { nameMatcher } from '../registry/select.js';
import { firstFew, plural } from '../util/format-count.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { isWholeFleet } from './assert-options.js';
import { rollBack, type RunDirection } from './direction.js';
import { resultsOfRefused } from './refused-cohorts.js';
import type { MigrateOptions, RollbackOptions } from './types.js';

/** What a run is asked that goes by an earlier run, and what should be said about that. */
export type Prepared = { options: MigrateOptions; direction: RunDirection; warnings: string[] };

/**
 * A `migrate` of the tenants that failed or were not executed in an earlier one, among those that are selected.
 *
 * @throws TenantsError USAGE when there are none, UNKNOWN_RUN.
 */
export async function prepareFailed(
  client: Client,
  project: Project,
  options: MigrateOptions & { failedOf: number | 'latest' },
  direction: RunDirection,
): Promise<Prepared> {
  const { run, tenants } = await readFailedTenants(client, project, options.failedOf);
  const { selection, warnings } = await selectOf(client, project, options.selection, run, tenants);
  return { options: { ...options, selection }, direction, warnings };
}

/**
 * A `rollback` of exactly what an earlier `migrate` applied, tenant by tenant, among those that are selected.
 *
 * @throws TenantsError USAGE when it applied nothing there or was about the whole fleet and that was not confirmed;
 *   UNKNOWN_RUN.
 */
export async function prepareUndo(
  client: Client,
  project: Project,
  options: Omit<RollbackOptions, 'run'> & { run: number },
): Promise<Prepared> {
  const { run: id, confirmed = false, fake = false, target: _none, ...rest } = options;
  const { run, applied } = await readAppliedByRun(client, project, id);
  const changed = run.shared?.status === 'applied' || run.shared?.status === 'failed';
  const shared = changed ? (run.shared?.migrations ?? []) : [];
  const direction = undoRun(project, { run, applied, shared }, { fake, confirmed });
  const common = { ...rest, fake, skipSharedCheck: true };
  if (options.selection.kind === 'shared') {
    if (shared.length === 0) throw new TenantsError('USAGE', `Run ${id} applied nothing to the shared schema.`);
    return { options: { ...common, selection: options.selection }, direction, warnings: [] };
  }
  if (run.wholeFleet && !confirmed && isWholeFleet(options)) {
    throw new TenantsError(
      'USAGE',
      `Run ${id} was about the whole fleet: this would roll back ${plural(applied.size, 'tenant')}, and that was not confirmed.`,
      {
        suggestions: [
          'If that is intended, add --confirm all.',
          'To roll back some tenants, say --tenant NAME or --type T.',
        ],
      },
    );
  }
  if (applied.size === 0) throw new TenantsError('USAGE', `Run ${id} applied nothing to a tenant.`);
  const { selection, warnings } = await selectOf(client, project, options.selection, run, [...applied.keys()]);
  if (shared.length > 0) {
    warnings.push(
      `Run ${id} also applied ${shared.join(', ')} to the shared schema, which stays. To undo that too, run: ${tenantsCommand('rollback', '--shared', '--run', String(id))}`,
    );
  }
  return { options: { ...common, selection }, direction, warnings };
}

/** The selected tenants among those of a run, without those that are gone. */
async function selectOf(
  client: Client,
  project: Project,
  selection: Selection,
  { id }: RecordedRun,
  tenants: readonly string[],
): Promise<{ selection: Selection; warnings: string[] }> {
  const wanted: Partial<Extract<Selection, { kind: 'tenants' }>> = selection.kind === 'tenants' ? selection : {};
  const registered = await readTenants(client, project.registry, { order: project.tenants.order });
  const there = new Set(registered.map(({ schema }) => schema));
  const isAsked = wanted.names && nameMatcher(registered, wanted.names);
  const chosen = tenants.filter((tenant) => isAsked?.(tenant) ?? true);
  const names = chosen.filter((tenant) => there.has(tenant));
  const gone = chosen.filter((tenant) => !there.has(tenant));
  if (names.length === 0) {
    throw new TenantsError('USAGE', `None of the selected tenants is one of those of run ${id}.`, {
      suggestions: [`To see them, run: ${tenantsCommand('runs', String(id))}`],
    });
  }
  const are = gone.length === 1 ? 'is' : 'are';
  return {
    selection: { ...wanted, kind: 'tenants', names },
    warnings:
      gone.length === 0
        ? []
        : [
            `${plural(gone.length, 'tenant')} of run ${id} ${are} no longer registered: ${gone.slice(0, 10).join(', ')}${gone.length > 10 ? ', …' : ''}`,
          ],
  };
}

type Undo = { run: RecordedRun; applied: ReadonlyMap<string, AppliedByRun>; shared: readonly string[] };

/** The direction of `rollback --run`. */
function undoRun(project: Project, undo: Undo, options: { fake: boolean; confirmed: boolean }): RunDirection {
  const { run, applied: byTenant, shared } = undo;
  const base = rollBack(project, { count: 1 }, options);
  return {
    ...base,
    rounds: 3,
    compareShared: (surveyed, target) => {
      const compared = base.compareShared(surveyed, target);
      const exact = endToUndo(compared.surveyed.applied, shared);
      if (!('newer' in exact)) return { ...compared, toRun: exact.undo };
      throw new TenantsError('NEWER_MIGRATIONS', newerMessage('The shared schema', exact.newer, run.id));
    },
    split: (cohort) => splitCohort(cohort, byTenant),
    decide: (cohort) => {
      switch (cohort.state.kind) {
        case 'missing':
        case 'unreadable':
        case 'unknownType':
          return { kind: 'refused', results: resultsOfRefused(cohort) };
        default:
      }
      const [member] = cohort.members;
      const done = byTenant.get(member?.schema ?? '');
      if (done === undefined) return { kind: 'skipped' };
      if (done.oid !== null && member?.oid !== done.oid) {
        const why = (tenant: string): TenantsError =>
          new TenantsError('TENANT_MOVED', `The schema of "${tenant}" was made again after run ${run.id}.`, {
            tenant,
            suggestions: [`To undo its last migrations, run: ${tenantsCommand('rollback', '--tenant', tenant)}`],
          });
        return { kind: 'refused', results: refusals(cohort, why) };
      }
      const exact = endToUndo(cohort.applied, done.migrations);
      if (!('newer' in exact)) return { kind: 'run', names: exact.undo };
      const { newer } = exact;
      const why = (tenant: string): TenantsError =>
        new TenantsError('NEWER_MIGRATIONS', newerMessage(`The tenant "${tenant}"`, newer, run.id), {
          tenant,
          suggestions: ['Roll back what came later first.'],
        });
      return { kind: 'refused', results: refusals(cohort, why) };
    },
  };
}

/** Tenants at the same place may have come there by different runs: each part gets a cohort of its own. Pure. */
export function splitCohort(cohort: Cohort, byTenant: ReadonlyMap<string, AppliedByRun>): Cohort[] {
  const parts = new Map<string, Cohort>();
  for (const member of cohort.members) {
    const done = byTenant.get(member.schema);
    const moved = done !== undefined && done.oid !== null && done.oid !== member.oid;
    const key = JSON.stringify([done?.migrations ?? null, moved]);
    const part = parts.get(key) ?? { ...cohort, members: [] };
    part.members.push(member);
    parts.set(key, part);
  }
  return [...parts.values()];
}

/**
 * What is undone of migrations that a run applied, newest first: what is still there of them, if it is the end of the applied
 * list; else what came later. Pure.
 */
export function endToUndo(
  applied: readonly string[],
  names: readonly string[],
): { undo: string[] } | { newer: string[] } {
  const wanted = new Set(names);
  const first = applied.findIndex((name) => wanted.has(name));
  if (first === -1) return { undo: [] };
  const rest = applied.slice(first);
  const newer = rest.filter((name) => !wanted.has(name));
  return newer.length > 0 ? { newer } : { undo: rest.toReversed() };
}

function newerMessage(who: string, newer: readonly string[], run: number): string {
  return `${who} has ${plural(newer.length, 'newer migration')} than those of run ${run}: ${firstFew(newer)}.`;
}

function refusals({ members }: Cohort, why: (tenant: string) => TenantsError): TenantResult[] {
  return members.map(({ schema: tenant }) => ({
    tenant,
    status: 'failed',
    committed: [],
    error: serializeError(why(tenant)),
  }));
}
