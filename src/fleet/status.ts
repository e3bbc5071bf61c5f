import type { Client } from 'pg';

import { type Phase, postOf } from '../engine/phases.js';
import { findJournal } from '../journal/place/open-for-reading.js';
import { readRunsNow } from '../journal/read/last-run.js';
import type { Project } from '../project/project.js';
import { inspectRegistry } from '../registry/check.js';
import { readTenants } from '../registry/list.js';
import { areExactNames, type TenantSelection } from '../registry/select.js';
import { withSession } from '../session/control-session.js';
import { fileSets } from './checksums/file-sets.js';
import { lookForEdits } from './checksums/look.js';
import { countNodes } from './count-nodes.js';
import { surveyFleet, type SurveyedFleet } from './read-fleet.js';
import { readShared } from './read-shared.js';
import type { SchemaState } from './schema-state.js';
import { chooseTenants } from './selection.js';
import { assertSharedReadable, compareShared } from './shared-schema.js';
import { summarize } from './summaries.js';
import { readDetails } from './tenant-details.js';
import type { StatusOptions, StatusReport } from './types.js';

/**
 * Says where the fleet stands; of tenants that are named, one by one. Reads only, in a few queries whatever the size of the
 * fleet, and runs no migration code.
 *
 * @throws TenantsError for unknown names, a missing directory, or a database that cannot be read.
 */
export async function status(project: Project, options: StatusOptions = {}): Promise<StatusReport> {
  const { onEvent, ...selection } = options;
  onEvent?.({ type: 'phase', phase: 'connect' });
  return await withSession(project, 'status', async ({ client }) => {
    onEvent?.({ type: 'phase', phase: 'survey' });
    return (await readStatus(client, project, selection)).report;
  });
}

/** The same with a connection that is there, and with the cohorts and files that the report was made of. */
export async function readStatus(
  client: Client,
  project: Project,
  selection: TenantSelection = {},
): Promise<{ report: StatusReport } & Pick<SurveyedFleet, 'cohorts' | 'files'>> {
  const shared = compareShared(await readShared(client, project), project.checkOrder);
  assertSharedReadable(shared);
  const present = (await inspectRegistry(client, project.registry)) === 'present';
  const registered = present ? await readTenants(client, project.registry, { order: project.tenants.order }) : [];
  const choose = chooseTenants(project, selection);
  const { cohorts, files } = await surveyFleet(client, project, registered, { choose });
  const { counts, cohorts: summaries } = summarize(cohorts);
  const details =
    selection.names !== undefined && areExactNames(registered, selection.names)
      ? { details: await readDetails(client, cohorts, project.migrationsTable) }
      : {};
  const journal = await findJournal(client, project).catch(() => undefined);
  const runs = await readRunsNow(client, journal, project.shared.schema);
  const whole = Object.values(selection).every((part) => part === undefined);
  const edited = await lookForEdits(client, project, journal, fileSets(shared, { cohorts, files }, whole));
  const report = {
    shared: {
      applied: shared.surveyed.applied,
      pending: shared.pending,
      ...postOf(shared.files, shared.pending),
      ...blockedState(shared.state.kind),
    },
    tenants: counts,
    cohorts: summaries,
    ...(await countNodes(client, cohorts)),
    ...details,
    ...(runs === undefined ? {} : { runs }),
    ...(edited === undefined ? {} : { edited }),
  };
  return { report, cohorts, files };
}

/**
 * Nothing is pending, ahead, out of order, missing or unreadable, nor edited where that is an error.
 *
 * @param phase with `pre`, what waits until the new code runs everywhere may be pending
 */
export function isUpToDate(report: StatusReport, phase: Phase = 'post'): boolean {
  if (report.edited?.level === 'error' && report.edited.changed.length > 0) return false;
  const { shared } = report;
  const isDone = ({ pending, post = [] }: { pending: string[]; post?: string[] }): boolean =>
    pending.length === (phase === 'pre' ? post.length : 0);
  return (
    shared.state === undefined &&
    isDone(shared) &&
    report.cohorts.every((cohort) => cohort.state === 'upToDate' || (cohort.state === 'pending' && isDone(cohort)))
  );
}

/** What keeps the shared schema from being migrated; everything else is told by what is pending. */
function blockedState(kind: SchemaState['kind']): Pick<StatusReport['shared'], 'state'> {
  return kind === 'ahead' || kind === 'outOfOrder' ? { state: kind } : {};
}
