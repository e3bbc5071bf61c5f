import type { Client } from 'pg';

import type { MigrationFile, Plan } from '../engine/types.js';
import { checksumsOfPlan } from '../fleet/checksums/new-checksum.js';
import type { FleetEvent } from '../fleet/types.js';
import { readChecksums } from '../journal/checksums/store.js';
import type { NewChecksum } from '../journal/checksums/store.js';
import { findJournal } from '../journal/place/open-for-reading.js';
import type { Invocation } from '../journal/types.js';
import { recordChange } from '../journal/write/change-journal.js';
import type { Project } from '../project/project.js';

/** Does a change of one tenant, and records it in the journal. @param change.tenant the name that it has in the end */
export async function recorded<T>(
  project: Project,
  client: Client,
  change: {
    command: 'create-tenant' | 'clone-tenant' | 'rename-tenant' | 'delete-tenant';
    tenant: string;
    status?: string;
    checksums?: readonly NewChecksum[];
    migrations?: (result: T) => readonly string[];
    options: { invocation?: Invocation; onEvent?: (event: FleetEvent) => void };
  },
  work: () => Promise<T>,
): Promise<T> {
  const { command, tenant, status, checksums, migrations, options } = change;
  const { invocation, onEvent } = options;
  return await recordChange(
    project,
    () => client,
    {
      command,
      tenant,
      invocation,
      onWarning: (message) => onEvent?.({ type: 'warning', message }),
      ...(status === undefined ? {} : { status }),
      ...(checksums === undefined ? {} : { checksums }),
      ...(migrations === undefined ? {} : { summarize: (result: T) => ({ migrations: migrations(result) }) }),
    },
    work,
  );
}

/**
 * Checksums of what a new tenant is about to get, where nobody has it yet. Never throws.
 *
 * @param covered how many of the first migrations a snapshot takes the place of
 */
export async function newChecksums(
  client: Client,
  project: Project,
  plan: Plan,
  files: readonly MigrationFile[],
  covered = 0,
): Promise<NewChecksum[]> {
  if (project.checksums === 'off') return [];
  try {
    const place = await findJournal(client, project);
    const known = place === undefined ? [] : await readChecksums(client, place.schema);
    const type = plan.scope.kind === 'tenants' ? plan.scope.type : null;
    const recorded = known.filter(
      (one) => one.schema === 'tenant' && one.type === type && (one.asFound || one.firstAppliedAt !== null),
    );
    const done = new Set(recorded.map(({ migration }) => migration));
    const migrations = plan.segments.flatMap((segment) => segment.migrations);
    const part = (some: typeof migrations): Plan => ({ ...plan, segments: [{ transaction: true, migrations: some }] });
    return [
      ...(await checksumsOfPlan({ ...part(migrations.slice(0, covered)), fake: true }, files, done)),
      ...(await checksumsOfPlan(part(migrations.slice(covered)), files, done)),
    ];
  } catch {
    return [];
  }
}
