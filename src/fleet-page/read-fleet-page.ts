import type { Client } from 'pg';

import { readStatus } from '../fleet/status.js';
import { findJournal } from '../journal/place/open-for-reading.js';
import { readResultRows, readRunRows } from '../journal/read/run-rows.js';
import { whoRuns } from '../journal/write/who.js';
import type { Project } from '../project/project.js';
import { withSession } from '../session/control-session.js';
import { fleetPageOf, type RunsOfPage } from './fleet-page-of.js';
import type { FleetPage } from './types.js';

/** Runs that the page shows. */
const RUNS = 30;

/**
 * Reads what the page about the fleet says: where it stands, the last runs, and the results of the last one. Only reads, and
 * runs no migration code.
 *
 * @throws TenantsError as `status` does, and for a journal that cannot be read.
 */
export async function readFleetPage(project: Project): Promise<FleetPage> {
  return await withSession(project, 'report', async ({ client }) => {
    const surveyed = await readStatus(client, project);
    const { rows } = await client.query<{ name: string }>('SELECT pg_catalog.current_database()::text AS name');
    return fleetPageOf({
      ...surveyed,
      runs: await readRuns(client, project),
      createdAt: new Date().toISOString(),
      version: (await whoRuns()).version,
      database: rows[0]?.name ?? '',
    });
  });
}

async function readRuns(client: Client, project: Project): Promise<RunsOfPage> {
  if (project.journal === false) return { journal: 'off' };
  const place = await findJournal(client, project);
  if (place === undefined) return { journal: 'absent' };
  const runs = await readRunRows(client, place.schema, {
    condition: 'r.direction IS NOT NULL AND r.shared_schema = $2::text',
    values: [project.shared.schema],
    limit: RUNS,
  });
  const last = runs.find(({ state }) => state !== 'running');
  return {
    journal: 'ready',
    runs,
    ...(last === undefined ? {} : { last, results: await readResultRows(client, place.schema, last.id) }),
  };
}
