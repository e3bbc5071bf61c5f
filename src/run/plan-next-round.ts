import type { Client } from 'pg';

import { isConnectionError } from '../db/sqlstates.js';
import { isServerError, serializeError } from '../errors/serialize.js';
import { isTenantsError } from '../errors/tenants-error.js';
import type { FilesByType } from '../fleet/cohorts.js';
import type { Planner } from '../fleet/planner.js';
import type { SurveyedFleet } from '../fleet/read-fleet.js';
import { chooseRemaining, selectionOf } from '../fleet/selection.js';
import { heedCancel } from '../session/heed-cancel.js';
import { planTenants } from './compile-phase.js';
import { recordPlans } from './record-plans.js';
import type { Round, Run } from './run.js';
import { surveyTenants } from './survey-phase.js';

/**
 * Plans for tenants that were created during the last round, and again for those that were changed. A failure here must not
 * lose earlier results, so it becomes a warning.
 *
 * @param last `again`: the tenants that get another result; `files`: what was read for earlier rounds; `newcomers`: those that
 *   were created meanwhile have their turn, too
 */
export async function planNextRound(
  run: Run,
  client: Client,
  planner: Planner,
  last: { again: ReadonlySet<string>; files: FilesByType; connections: number; newcomers: boolean },
): Promise<Round> {
  const { project, options, direction, record } = run;
  const { again, files, connections, newcomers } = last;
  const choose = chooseRemaining(project, selectionOf(options.selection), again);
  let fleet: SurveyedFleet | undefined;
  try {
    fleet = await heedCancel(run, client, (signal) =>
      surveyTenants(
        client,
        { ...run, cancel: signal },
        {
          choose: async (registered, other) =>
            (await choose(registered, other)).filter(
              ({ schema }) => again.has(schema) || (newcomers && !record.has(schema)),
            ),
          files,
          connections,
        },
      ),
    );
    // Those that the survey has not found were deleted, or renamed and found under another name.
    for (const tenant of again) record.forget(tenant);
    const cohorts = recordPlans(record, direction.direction, await planTenants(planner, direction, fleet));
    return { cohorts, files: fleet.files };
  } catch (error) {
    if (!(error instanceof Error) || !isExpected(error)) throw error;
    record.warn(`Tenants that were created or changed during the run were left out: ${error.message}`);
    const members = fleet?.cohorts.flatMap((cohort) => cohort.members) ?? [];
    for (const { schema: tenant } of members) {
      if (!record.has(tenant)) record.settle({ tenant, status: 'failed', committed: [], error: serializeError(error) });
    }
    return { cohorts: [], files };
  }
}

/** Not a mistake in this program. */
function isExpected(error: Error): boolean {
  return isTenantsError(error) || isServerError(error) || isConnectionError(error);
}
