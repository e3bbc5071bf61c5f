import type { Client } from 'pg';

import { TenantsError } from '../../errors/tenants-error.js';
import type { TenantResult } from '../../executors/types.js';
import type { Cohort } from '../../fleet/cohorts.js';
import { readFleet, type SurveyedFleet } from '../../fleet/read-fleet.js';
import { readShared } from '../../fleet/read-shared.js';
import { chooseTenants, selectionOf } from '../../fleet/selection.js';
import type { Project } from '../../project/project.js';
import { assertRegistry } from '../../registry/check.js';
import { withSession } from '../../session/control-session.js';
import { migrateUp, type RunDirection } from '../direction.js';
import type { Prepared } from '../of-run.js';
import { resultsOfRefused } from '../refused-cohorts.js';
import { makeReport, SHARED_SKIPPED } from '../report.js';
import { runFleet } from '../run-fleet.js';
import { type SchemaAdoption, surveySharedHistory, surveyTenantHistory } from './survey-history.js';
import type { AdoptedTenant, AdoptHistoryOptions, AdoptHistoryReport } from './types.js';

/**
 * Records in the migrations table of each selected schema what the bookkeeping of another tool says is applied there. Runs no
 * migration, and leaves the other tool's table as it is. One guarded transaction for each tenant; a tenant whose history
 * does not match the files is refused, and the others go on.
 *
 * @throws TenantsError USAGE when no selected schema has migrations or a history of another tool; HISTORY_MISMATCH when that of
 *   the shared schema does not match; and as `migrate` does for what concerns the whole run.
 */
export async function adoptHistory(project: Project, options: AdoptHistoryOptions): Promise<AdoptHistoryReport> {
  const { dryRun = false, from, ...rest } = options;
  const selection = withoutOwnShared(project, options.selection);
  if (dryRun) return await rehearse(project, { selection, from, onEvent: rest.onEvent });
  const migrateOptions = { ...rest, selection, fake: true, skipSharedCheck: true };
  const unread = adoption(project, { tenants: new Map(), shared: { kind: 'none' } });
  const report = await runFleet(project, migrateOptions, unread, async (client): Promise<Prepared> => {
    const found = await surveyHistory(client, project, { selection, from });
    return { options: migrateOptions, direction: adoption(project, found), warnings: found.warnings };
  });
  return { ...report, dryRun: false };
}

/** Without other tools' files in it there is nothing to take over for the shared schema. */
function withoutOwnShared(
  project: Project,
  selection: AdoptHistoryOptions['selection'],
): AdoptHistoryOptions['selection'] {
  return selection.kind === 'all' && project.shared.format === undefined ? { kind: 'tenants' } : selection;
}

type Asked = { selection: AdoptHistoryOptions['selection']; from: string | undefined };

type Found = {
  tenants: ReadonlyMap<string, SchemaAdoption>;
  shared: SchemaAdoption;
  fleet: SurveyedFleet | undefined;
  warnings: string[];
};

async function surveyHistory(client: Client, project: Project, { selection, from }: Asked): Promise<Found> {
  const shared: SchemaAdoption =
    selection.kind === 'tenants'
      ? { kind: 'none' }
      : await surveySharedHistory(client, project, await readShared(client, project), from);
  if (shared.kind === 'refused') throw new TenantsError('HISTORY_MISMATCH', shared.error.message, shared.error);
  const found: Found = { tenants: new Map(), shared, fleet: undefined, warnings: [] };
  if (selection.kind !== 'shared') {
    await assertRegistry(client, project.registry);
    found.fleet = await readFleet(client, project, { choose: chooseTenants(project, selectionOf(selection)) });
    found.tenants = await surveyTenantHistory(client, project, found.fleet, from);
  }
  const without = [...found.tenants].filter(([, { kind }]) => kind === 'none').map(([schema]) => schema);
  if (shared.kind === 'none' && without.length === found.tenants.size) throw nothingFound(project, selection);
  if (without.length > 0) {
    const names = `${without.slice(0, 5).join(', ')}${without.length > 5 ? ', …' : ''}`;
    found.warnings.push(`No history of another tool was found for ${names}; nothing is recorded there.`);
  }
  return found;
}

/** The direction of a run that records, and runs nothing. */
function adoption(project: Project, { tenants, shared }: Pick<Found, 'tenants' | 'shared'>): RunDirection {
  const base = migrateUp(project, {});
  return {
    ...base,
    command: 'adopt-history',
    rounds: 1,
    compareShared: (read, target) => ({
      ...base.compareShared(read, target),
      toRun: shared.kind === 'record' ? shared.names : [],
    }),
    split: (cohort) => splitByAdoption(cohort, tenants),
    decide: (cohort) => {
      const refused = resultsOfRefused(cohort);
      if (refused.length > 0) return { kind: 'refused', results: refused };
      const own = tenants.get(cohort.members[0]?.schema ?? '');
      if (own === undefined) return { kind: 'skipped' };
      if (own.kind === 'none') return { kind: 'run', names: [] };
      if (own.kind === 'record') return { kind: 'run', names: own.names };
      const results = cohort.members.map(({ schema }): TenantResult => {
        const one = tenants.get(schema);
        const error = one?.kind === 'refused' ? one.error : own.error;
        return { tenant: schema, status: 'failed', committed: [], error };
      });
      return { kind: 'refused', results };
    },
  };
}

/** Tenants at the same place here may have different histories there. */
function splitByAdoption(cohort: Cohort, tenants: ReadonlyMap<string, SchemaAdoption>): Cohort[] {
  const parts = new Map<string, Cohort>();
  for (const member of cohort.members) {
    const own = tenants.get(member.schema);
    const key = JSON.stringify(own?.kind === 'record' ? own.names : (own?.kind ?? null));
    const part = parts.get(key) ?? { ...cohort, members: [] };
    part.members.push(member);
    parts.set(key, part);
  }
  return [...parts.values()];
}

/** The same decisions, and nothing after them. */
async function rehearse(
  project: Project,
  options: Asked & { onEvent: AdoptHistoryOptions['onEvent'] },
): Promise<AdoptHistoryReport> {
  const startedAt = performance.now();
  options.onEvent?.({ type: 'phase', phase: 'survey' });
  return await withSession(project, 'adopt-history', async ({ client }) => {
    const { tenants, shared, fleet, warnings } = await surveyHistory(client, project, options);
    const direction = adoption(project, { tenants, shared });
    const cohorts = fleet?.cohorts.flatMap((cohort) => direction.split?.(cohort) ?? [cohort]) ?? [];
    const decided = cohorts.flatMap((cohort): AdoptedTenant[] => {
      const decision = direction.decide(cohort, [], []);
      if (decision.kind === 'refused') return decision.results.map((result) => wouldBe(result));
      const names = decision.kind === 'run' ? decision.names : [];
      return cohort.members.map(({ schema: tenant }) =>
        names.length === 0 ? { tenant, status: 'upToDate' } : { tenant, status: 'wouldApply', migrations: [...names] },
      );
    });
    const countOf = (status: AdoptedTenant['status']): number => decided.filter((one) => one.status === status).length;
    const names = shared.kind === 'record' ? shared.names : [];
    const { tenants: _none, ...report } = makeReport({
      startedAt,
      executor: project.executor,
      processes: 0,
      concurrency: 0,
      shared: names.length === 0 ? SHARED_SKIPPED : { status: 'skipped', migrations: names, error: null },
      total: decided.length,
      upToDate: 0,
      results: [],
      warnings,
      interrupted: false,
      overtaken: false,
    });
    return {
      ...report,
      run: null,
      dryRun: true,
      tenants: {
        total: decided.length,
        applied: countOf('wouldApply'),
        upToDate: countOf('upToDate'),
        failed: countOf('wouldFail'),
        notExecuted: 0,
        missing: countOf('missing'),
      },
      results: decided.filter(({ status }) => status !== 'upToDate'),
    };
  });
}

function wouldBe(result: AdoptedTenant): AdoptedTenant {
  return result.status === 'failed' ? { tenant: result.tenant, status: 'wouldFail', error: result.error } : result;
}

function nothingFound(project: Project, selection: AdoptHistoryOptions['selection']): TenantsError {
  const { format, typeFormats = {} } = project.tenants;
  const configured = selection.kind === 'shared' ? project.shared.format : (format ?? Object.values(typeFormats)[0]);
  return new TenantsError(
    'USAGE',
    configured === undefined
      ? "The configuration names no migrations of another tool, and node-pg-migrate's history is used as it is."
      : 'No table in which another tool keeps its history was found in the selected schemas.',
    {
      suggestions: [
        configured === undefined
          ? "Write `format: 'drizzle'`, 'prisma', 'knex', 'kysely' or 'sql' beside `migrations` in the configuration."
          : 'If the tool keeps it in another schema, name that with --from SCHEMA.',
      ],
    },
  );
}
