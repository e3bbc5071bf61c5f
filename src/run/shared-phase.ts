import type { EngineLane } from '../engine/apply/lane.js';
import { planNames } from '../engine/plan.js';
import type { Plan } from '../engine/types.js';
import { serializeError } from '../errors/serialize.js';
import { TenantsError } from '../errors/tenants-error.js';
import { applySettings } from '../fleet/apply-settings.js';
import { createLaneOpener } from '../fleet/open-lanes.js';
import type { SharedSchema } from '../fleet/shared-schema.js';
import type { SurveyedSchema } from '../fleet/survey.js';
import type { SharedResult } from '../fleet/types.js';
import type { LockedSession } from '../session/control-session.js';
import { SHARED_SKIPPED } from './report.js';
import { withBlockers } from './run-round.js';
import type { Run } from './run.js';

/** The third phase: applies the shared schema's plan, where there is one. */
export async function applyShared(
  run: Run,
  session: LockedSession,
  shared: SharedSchema,
  plan: Plan | undefined,
): Promise<SharedResult> {
  const result = await resultOf(run, session, shared, plan);
  run.record.emit({ type: 'shared', result });
  return result;
}

async function resultOf(
  run: Run,
  session: LockedSession,
  { surveyed, files }: SharedSchema,
  plan: Plan | undefined,
): Promise<SharedResult> {
  const { project, options, record, stop, cancel } = run;
  if (options.selection.kind === 'tenants') return SHARED_SKIPPED;
  if (plan === undefined) return { status: 'upToDate', migrations: [], error: null };
  if (stop.reason !== undefined) return SHARED_SKIPPED;
  record.emit({ type: 'phase', phase: 'shared' });
  const lane = await createLaneOpener({
    project,
    plans: new Map([[plan.id, plan]]),
    filesOf: () => files,
    settings: applySettings(project),
    cancel,
  })();
  try {
    return await applyPlan(session, lane, plan, surveyed);
  } finally {
    await lane.close();
  }
}

async function applyPlan(
  session: LockedSession,
  lane: EngineLane,
  plan: Plan,
  { schema, oid }: SurveyedSchema,
): Promise<SharedResult> {
  const reported = await lane.apply({ tenant: schema, planId: plan.id, schemaOid: oid });
  const result = withBlockers(reported, session, plan.direction);
  switch (result.status) {
    case 'applied':
    case 'rolledBack':
      return { status: 'applied', migrations: planNames(plan), error: null };
    case 'failed': {
      const { tenant: _shared, ...error } = result.error;
      return { status: 'failed', migrations: result.committed, error };
    }
    case 'notExecuted':
    case 'upToDate':
    case 'missing': {
      const error = new TenantsError('INTERRUPTED', 'The shared migrations were canceled and rolled back.');
      return { status: 'failed', migrations: [], error: serializeError(error) };
    }
    default:
      return result satisfies never;
  }
}
