import { assertOwn } from '../../db/own-session.js';
import { assertWritable } from '../../db/server.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { Project } from '../../project/project.js';
import { withSession } from '../../session/control-session.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { requireJournal } from '../place/open-for-reading.js';
import { journalTable } from '../place/versions.js';
import type { RecordedResult, RecordedRun } from '../types.js';
import { readResultRows, readRunRows } from './run-rows.js';

export type RunsOptions = {
  /** Runs at most. Default: 20. */
  limit?: number;
  /** First remove the runs that ended longer ago than this, in ms, but for those that go on. */
  pruneMs?: number;
};

/** Recorded runs, newest first; `pruned` counts those that were removed. */
export type RunsReport = { runs: RecordedRun[]; pruned?: number };

/** One recorded run with the results of its tenants. */
export type RunReport = { run: RecordedRun; results: RecordedResult[] };

const LIMIT = 20;

/**
 * The recorded runs. Without a journal there are none.
 *
 * @throws TenantsError USAGE when the journal is switched off, JOURNAL_UNUSABLE, or an error of the connection.
 */
export async function listRuns(project: Project, options: RunsOptions = {}): Promise<RunsReport> {
  const { limit = LIMIT, pruneMs } = options;
  return await withSession(project, 'runs', async ({ client, server, session }) => {
    const place = await requireJournal(client, project, pruneMs === undefined ? 'read' : 'write');
    if (place === undefined) return { runs: [], ...(pruneMs === undefined ? {} : { pruned: 0 }) };
    let pruned: number | undefined;
    if (pruneMs !== undefined) {
      assertWritable(server);
      assertOwn(session);
      if (place.role !== undefined) await client.query(`SELECT pg_catalog.set_config('role', $1, false)`, [place.role]);
      const { rows } = await client.query<{ pruned: number }>(pruneStatement(place.schema), [pruneMs]);
      pruned = rows[0]?.pruned ?? 0;
    }
    const runs = await readRunRows(client, place.schema, { limit });
    return { runs, ...(pruned === undefined ? {} : { pruned }) };
  });
}

/**
 * One recorded run with the results of its tenants: all of them, those that are not done, or those of some tenants.
 *
 * @throws TenantsError UNKNOWN_RUN, and as `listRuns`.
 */
export async function readRun(
  project: Project,
  id: number,
  options: { failed?: boolean; tenants?: readonly string[] } = {},
): Promise<RunReport> {
  return await withSession(project, 'runs', async ({ client }) => {
    const place = await requireJournal(client, project);
    const [run] =
      place === undefined
        ? []
        : await readRunRows(client, place.schema, { condition: 'r.id = $2::bigint', values: [id] });
    if (run === undefined || place === undefined) throw unknownRun(id);
    return { run, results: await readResultRows(client, place.schema, id, options) };
  });
}

export function unknownRun(id: number): TenantsError {
  return new TenantsError('UNKNOWN_RUN', `There is no run ${id} in the journal.`, {
    suggestions: [`To see the recorded runs, run: ${tenantsCommand('runs')}`],
  });
}

function pruneStatement(schema: string): string {
  const of = (table: 'plans' | 'results'): string =>
    `DELETE FROM ${journalTable(schema, table)} t USING pruned p WHERE t.run = p.id`;
  return `WITH pruned AS (DELETE FROM ${journalTable(schema, 'runs')} r
      WHERE r.finished_at < pg_catalog.now() - $1::double precision * '1 ms'::interval RETURNING r.id),
    plans AS (${of('plans')}), results AS (${of('results')})
    SELECT pg_catalog.count(*)::integer AS pruned FROM pruned`;
}
