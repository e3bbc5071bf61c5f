import type { Client } from 'pg';

import { isTenantsError } from '../../errors/tenants-error.js';
import type { FleetEvent } from '../../fleet/types.js';
import type { Project } from '../../project/project.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import type { NewTenantFiles } from '../new-tenant/files.js';
import { newTenantPlanner, type PlannedTenant } from '../new-tenant/plan.js';
import { knowSnapshots, planFromSnapshot } from './use.js';

/** A plan that starts from a snapshot, which takes the place of so many migrations. */
export type SnapshotStart = PlannedTenant & { covered: number };

/**
 * The plan of a new tenant that starts from the snapshot, where there is a valid one; says why not where one was taken or is asked for.
 *
 * @param of.version `server_version_num`
 */
export async function startFromSnapshot(
  client: Client,
  project: Project,
  of: { type: string | null; version: number; schema?: string; given: NewTenantFiles },
  { snapshot, onEvent }: { snapshot?: boolean; onEvent?: (event: FleetEvent) => void },
): Promise<SnapshotStart | undefined> {
  if (snapshot === false) return undefined;
  const known = await knowSnapshots(client, project, of.version);
  const planner = await newTenantPlanner(client, project);
  const found = known.snapshots.length === 0 ? {} : await planFromSnapshot(planner, project, known, of.type, of.given);
  if (found.plan !== undefined) {
    const place = { schema: of.schema ?? '', oid: null, tableExists: false, applied: [] };
    return { ...found, place };
  }
  if (found.reason !== undefined) onEvent?.({ type: 'warning', message: notUsed(found.reason) });
  else if (snapshot === true) onEvent?.({ type: 'warning', message: notUsed('none has been taken') });
  return undefined;
}

/** The one line that says why migrations are replayed. */
export function notUsed(reason: string): string {
  const why = reason.replace(/\.$/, '');
  return `The snapshot is not used, because ${why}; the migrations are replayed. To take it again, run: ${tenantsCommand('snapshot')}`;
}

/** Whether it was the snapshot that failed, and not what comes after it. */
export function isSnapshotFailure(
  error: unknown,
  { files, covered }: Pick<SnapshotStart, 'files' | 'covered'>,
): boolean {
  return (
    isTenantsError(error) && error.code === 'MIGRATION_FAILED' && error.details.migration === files[covered - 1]?.name
  );
}
