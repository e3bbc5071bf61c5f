import type { CompiledMigration, Plan } from '../engine/types.js';
import type { Cohort } from '../fleet/cohorts.js';
import { assertTarget, sharedSource } from '../fleet/migration-sources.js';
import { createPlanner, installedExtensions } from '../fleet/planner.js';
import { type FleetPicture, readFleet } from '../fleet/read-fleet.js';
import { upTo } from '../fleet/schema-state.js';
import { assertSharedCurrent, assertSharedUsable } from '../fleet/shared-schema.js';
import { summarize } from '../fleet/summaries.js';
import type { PlanOptions, PlanReport } from '../fleet/types.js';
import type { Project } from '../project/project.js';
import { withSession } from '../session/control-session.js';
import { assertMigrateOptions } from './assert-migrate-options.js';

/**
 * Says what `migrate` would do, by cohort. Compiles, so that it refuses what `migrate` would refuse; reads only and creates
 * nothing.
 *
 * @throws TenantsError as `migrate` does before it begins.
 */
export async function plan(project: Project, options: PlanOptions): Promise<PlanReport> {
  assertMigrateOptions(options);
  const { selection, target, onEvent } = options;
  onEvent?.({ type: 'phase', phase: 'connect' });
  return await withSession(project, 'plan', async ({ client }) => {
    onEvent?.({ type: 'phase', phase: 'survey' });
    const chosen = selection.kind === 'tenants' ? selection : {};
    const sharedTarget = selection.kind === 'shared' ? target : undefined;
    const picture = await readFleet(client, project, chosen, sharedTarget);
    const { shared, sharedFiles, tenantFiles } = picture;
    assertTargets(options, picture);
    if (selection.kind !== 'tenants') assertSharedUsable(shared);
    else if (options.skipSharedCheck !== true) assertSharedCurrent(shared);

    onEvent?.({ type: 'phase', phase: 'compile' });
    const planner = createPlanner({
      project,
      direction: 'up',
      fake: false,
      shared: { source: sharedSource(project), files: sharedFiles },
      tenantFiles: () => tenantFiles,
      extensions: await installedExtensions(client),
    });
    const wantsShared = selection.kind !== 'tenants' && shared.names.length > 0;
    const sharedPlan = wantsShared ? await planner.shared(shared.place, shared.names) : undefined;
    const cohorts = selection.kind === 'shared' ? [] : picture.cohorts;
    const entries: PlanReport['cohorts'] = [];
    for (const cohort of cohorts) {
      const names = namesFor(cohort, options, picture);
      const made = names.length === 0 ? undefined : await planner.cohort(cohort, names);
      const summary = summarize([cohort]).cohorts;
      // Nothing to run is known without asking any tenant.
      const empty = { mode: 'compiled' as const, ...(options.sql === true ? { sql: '' } : {}) };
      entries.push(...summary.map((entry) => ({ ...entry, pending: names, ...empty, ...describe(made, options) })));
    }
    return {
      shared: { applied: shared.place.applied, pending: shared.names, ...describe(sharedPlan, options) },
      tenants: summarize(cohorts).counts,
      cohorts: entries.sort((a, b) => b.count - a.count),
      warnings: [...planner.warnings],
    };
  });
}

function assertTargets({ selection, target }: PlanOptions, { sharedFiles, tenantFiles }: FleetPicture): void {
  if (selection.kind === 'shared') {
    assertTarget(target, [{ label: 'among the shared ones', names: sharedFiles.map(({ name }) => name) }]);
    return;
  }
  assertTarget(
    target,
    [...tenantFiles].map(([type, files]) => ({
      label: type === null ? 'among the tenant migrations' : `for tenants of type "${type}"`,
      names: files.map(({ name }) => name),
    })),
  );
}

function namesFor(cohort: Cohort, { missing, target }: PlanOptions, { tenantFiles }: FleetPicture): string[] {
  const { state } = cohort;
  if (state.kind !== 'pending' && (state.kind !== 'missing' || missing !== 'create')) return [];
  const files = (tenantFiles.get(cohort.type) ?? []).map(({ name }) => name);
  return upTo(files, state.pending, target);
}

function describe(
  made: Plan | undefined,
  { sql }: PlanOptions,
): { mode?: 'compiled' | 'direct'; reasons?: string[]; sql?: string } {
  if (made === undefined) return {};
  const migrations = made.segments.flatMap((segment) => segment.migrations);
  const reasons = migrations.flatMap(({ name, reason }) => (reason === undefined ? [] : [`${name}: ${reason}`]));
  return {
    mode: made.mode,
    ...(reasons.length === 0 ? {} : { reasons }),
    ...(sql === true ? { sql: migrations.map((migration) => sqlOf(migration)).join('\n') } : {}),
  };
}

function sqlOf(migration: CompiledMigration): string {
  const heading = `-- ${migration.name}${migration.transaction ? '' : ' (outside a transaction)'}`;
  if (migration.mode === 'direct') {
    return `${heading}\n-- built while it runs, tenant by tenant: ${migration.reason ?? ''}\n`;
  }
  return [heading, ...migration.statements.map(({ sql }) => `${sql};`), ''].join('\n');
}
