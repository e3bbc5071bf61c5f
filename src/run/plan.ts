import type { Client } from 'pg';

import { listMigrationFiles } from '../engine/files.js';
import { postOf } from '../engine/phases.js';
import { planNames } from '../engine/plan.js';
import type { CompiledMigration, Plan } from '../engine/types.js';
import type { Cohort, FilesByType } from '../fleet/cohorts.js';
import { compileAll } from '../fleet/compile-all.js';
import { countNodes } from '../fleet/count-nodes.js';
import { tenantSource, tenantTypes } from '../fleet/migration-sources.js';
import type { Planner } from '../fleet/planner.js';
import { summarize } from '../fleet/summaries.js';
import type { Pending } from '../lint/lint-pending.js';
import type { LintFinding } from '../lint/types.js';
import type { Project } from '../project/project.js';
import { withSession } from '../session/control-session.js';
import { plural } from '../util/format-count.js';
import { assertMigrateOptions } from './assert-options.js';
import { checkFiles } from './check-files.js';
import { compile, type DecidedCohort } from './compile-phase.js';
import { migrateUp } from './direction.js';
import { effectiveRollout } from './rollout/effective-rollout.js';
import { PhaseNotes, phaseWarnings } from './rollout/phase-notes.js';
import { plannedWaves } from './rollout/planned-waves.js';
import { survey } from './survey-phase.js';
import type { PlanOptions, PlanReport } from './types.js';

/**
 * Says what `migrate` would do, by cohort: it goes through the first phases of `migrate`, so it refuses what `migrate` would
 * refuse. Reads only and creates nothing.
 *
 * @throws TenantsError as `migrate` does before it begins.
 */
export async function plan(project: Project, options: PlanOptions): Promise<PlanReport> {
  assertMigrateOptions(options);
  const { onEvent } = options;
  const withSql = options.sql === true;
  onEvent?.({ type: 'phase', phase: 'connect' });
  return await withSession(project, 'plan', async ({ client }) => {
    const request = { project, options, direction: migrateUp(project, options) };
    onEvent?.({ type: 'phase', phase: 'survey' });
    const surveyed = await survey(client, request);
    const checked = await checkFiles(client, request, surveyed);
    onEvent?.({ type: 'phase', phase: 'compile' });
    const { planner, shared, tenants = [] } = await compile(client, request, surveyed);
    if (options.selection.kind === 'all' && tenants.length === 0) await compileForNewTenants(project, planner);
    const effective = effectiveRollout(project, options, 'migrate');
    const rollout = await plannedWaves(client, project, effective, tenants, surveyed.fleet);
    const phase = new PhaseNotes(options.phase);
    if (options.selection.kind !== 'tenants') phase.noteShared(surveyed.shared.phase);
    phase.noteCohorts(tenants);
    const left = phase.report;
    const { applied } = surveyed.shared.surveyed;
    const pending = surveyed.shared.toRun;
    const findings = await findingsOf(client, project, {
      shared: { files: surveyed.shared.files, names: shared === undefined ? [] : pending },
      tenants: pendingByType(tenants, surveyed.fleet?.files),
    });
    return {
      shared: {
        applied,
        pending,
        ...postOf(surveyed.shared.files, pending),
        ...(shared === undefined ? {} : describe(shared, withSql)),
      },
      tenants: summarize(tenants.map(({ cohort }) => cohort)).counts,
      cohorts: tenants.flatMap((one) => describeCohort(one, withSql)).sort((a, b) => b.count - a.count),
      ...(await countNodes(client, pendingCohorts(tenants))),
      findings,
      ...left,
      ...(rollout === undefined ? {} : { rollout }),
      warnings: [...(checked?.warnings ?? []), ...planner.warnings, ...phaseWarnings(left)],
    };
  });
}

function pendingCohorts(tenants: readonly DecidedCohort[]): Cohort[] {
  return tenants.flatMap(({ kind, cohort }) => (kind === 'run' ? [cohort] : []));
}

/** Without tenants nothing is pending, and a file that cannot be run would go unnoticed until the first tenant is created. */
async function compileForNewTenants(project: Project, planner: Planner): Promise<void> {
  const types = tenantTypes(project);
  const wanted = await Promise.all(
    types.map(async (type) => {
      const files = await listMigrationFiles(tenantSource(project, type));
      return { cohort: { type }, files, names: files.map(({ name }) => name) };
    }),
  );
  await compileAll(planner, wanted);
}

async function findingsOf(
  client: Client,
  project: Project,
  { shared, tenants }: { shared: Pending; tenants: ReadonlyMap<string | null, Pending> },
): Promise<LintFinding[]> {
  if (shared.names.length === 0 && tenants.size === 0) return [];
  const { lintPending } = await import('../lint/lint-pending.js');
  return await lintPending(client, project, shared, tenants);
}

/** What the cohorts of each type would run, together. */
function pendingByType(tenants: readonly DecidedCohort[], files: FilesByType = new Map()): Map<string | null, Pending> {
  const byType = new Map<string | null, Pending>();
  for (const one of tenants) {
    if (one.kind !== 'run') continue;
    const { type } = one.cohort;
    const run = one.plan.segments
      .flatMap(({ migrations }) => migrations)
      .filter(({ replaces }) => replaces === undefined);
    const names = new Set([...(byType.get(type)?.names ?? []), ...run.map(({ name }) => name)]);
    byType.set(type, { files: files.get(type) ?? [], names: [...names] });
  }
  return byType;
}

function describeCohort(decided: DecidedCohort, withSql: boolean): PlanReport['cohorts'] {
  const { cohorts } = summarize([decided.cohort]);
  // Nothing to run is known without asking any tenant.
  const what =
    decided.kind === 'run'
      ? { pending: planNames(decided.plan), ...describe(decided.plan, withSql) }
      : { pending: [], mode: 'compiled' as const, ...(withSql ? { sql: '' } : {}) };
  return cohorts.map(({ post: waiting = [], ...summary }) => {
    const post = waiting.filter((name) => what.pending.includes(name));
    return { ...summary, ...what, ...(post.length === 0 ? {} : { post }) };
  });
}

function describe(
  { mode, segments }: Plan,
  withSql: boolean,
): { mode: 'compiled' | 'direct'; reasons?: string[]; sql?: string } {
  const migrations = segments.flatMap((segment) => segment.migrations);
  const reasons = migrations.flatMap(({ name, reason }) => (reason === undefined ? [] : [`${name}: ${reason}`]));
  return {
    mode,
    ...(reasons.length === 0 ? {} : { reasons }),
    ...(withSql ? { sql: migrations.map((migration) => sqlOf(migration)).join('\n') } : {}),
  };
}

function sqlOf(migration: CompiledMigration): string {
  const heading = `-- ${migration.name}${migration.transaction ? '' : ' (outside a transaction)'}`;
  if (migration.replaces !== undefined) {
    return `${heading}\n-- takes the place of ${plural(migration.replaces.length, 'applied migration')}; nothing is run\n`;
  }
  if (migration.mode === 'direct') {
    return `${heading}\n-- built while it runs, tenant by tenant: ${migration.reason ?? ''}\n`;
  }
  return [heading, ...migration.statements.map(({ sql }) => `${sql};`), ''].join('\n');
}
