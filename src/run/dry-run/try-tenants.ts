import type { MigrationFile, Plan } from '../../engine/types.js';
import { applySettings } from '../../fleet/apply-settings.js';
import type { Cohort } from '../../fleet/cohorts.js';
import type { LockedSession } from '../../session/control-session.js';
import type { DryRun } from './context.js';
import { type Tried, TryLane, type TryWork } from './try-lane.js';
import type { DryRunResult } from './types.js';

export type CohortToTry = {
  cohort: Cohort;
  plan: Plan;
  files: readonly MigrationFile[];
  /** Those of its members that are tried. */
  members: Cohort['members'];
};

/** Tries tenants over some lanes of this process, each after the shared migrations, where there are any. */
export async function tryTenants(
  run: DryRun,
  session: LockedSession,
  cohorts: readonly CohortToTry[],
  shared: TryWork | undefined,
  lanes: number,
): Promise<void> {
  const { project, record, stop, cancel } = run;
  const settings = applySettings(project);
  const queue = cohorts.flatMap((one) => one.members.map((member) => ({ ...one, member })));
  let next = 0;
  const work = async (): Promise<void> => {
    const lane = new TryLane(project, settings, cancel);
    try {
      for (;;) {
        if (stop.reason === undefined && !(await session.holdsLock())) stop.set('lockLost');
        const one = queue[next];
        if (one === undefined) return;
        next += 1;
        const tenant = one.member.schema;
        if (stop.reason !== undefined) {
          record.settle({ tenant, status: 'notExecuted', reason: stop.reason });
          continue;
        }
        record.emit({ type: 'tenant:start', tenant });
        const own = { tenant, planId: one.plan.id, schemaOid: one.member.oid };
        const tried = await lane.try([
          ...(shared === undefined ? [] : [shared]),
          { work: own, plan: one.plan, files: one.files },
        ]);
        record.settleTried(one.cohort, tenant, tried.statements, resultOf(tenant, tried));
        stop.count(record.asRun(tenant));
      }
    } finally {
      await lane.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, queue.length) }, work));
}

function resultOf(tenant: string, tried: Tried): DryRunResult {
  switch (tried.kind) {
    case 'canceled':
      return { tenant, status: 'notExecuted', reason: 'interrupted' };
    case 'failed': {
      const { error, migration } = tried;
      return { tenant, status: 'wouldFail', ...(migration === undefined ? {} : { migration }), error };
    }
    case 'succeeded': {
      const { migrations, durationMs, notTried, warnings } = tried;
      return {
        tenant,
        status: 'wouldApply',
        migrations,
        durationMs,
        ...(notTried.length === 0 ? {} : { notTried }),
        ...(warnings.length === 0 ? {} : { warnings }),
      };
    }
  }
}
