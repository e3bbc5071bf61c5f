import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import type { BatchItem } from '../../db/batch.js';
import type { TenantResult } from '../../executors/types.js';
import type { Project } from '../../project/project.js';
import { fillChecksums } from '../checksums/store.js';
import type { JournalPlace } from '../place/inspect.js';
import { journalTable } from '../place/versions.js';
import type { PlaceNow, ReadPlaces } from '../types.js';
import { sendToJournal } from '../write/send.js';
import { toJson, writeResults } from '../write/statements.js';
import { changeOutcome } from './change-outcome.js';
import { type OpenRun, readOpenRuns, readOrphans } from './open-runs.js';
import { outcomeOf, pendingOf, placesAfter, sharedOutcome } from './outcome.js';

/** How long the last statements of an ended run are waited for, and the pause between two looks, in ms. */
const ORPHANS_MS = 10_000;
const POLL_MS = 50;

export type Completion = {
  project: Project;
  client: Client;
  place: JournalPlace;
  /** The run that is just beginning; those before it are looked at. */
  before: number;
  readPlaces: ReadPlaces;
};

/**
 * Completes the records of earlier runs that were ended from outside, from what is in the database now. To be called under the
 * fleet lock and before anything is changed: what is found then was done by them.
 *
 * Never throws: what could not be completed is tried again by the next run.
 */
export async function completeInterrupted(completion: Completion): Promise<void> {
  const { project, client, place, before } = completion;
  try {
    const open = await readOpenRuns(client, place.schema, { before, sharedSchema: project.shared.schema });
    if (open.length > 0) await completeAll(completion, open);
  } catch {
    // The record of the run that begins does not depend on it.
  }
}

async function completeAll({ project, client, place, before, readPlaces }: Completion, open: OpenRun[]): Promise<void> {
  const fleetRuns = open.filter(({ direction }) => direction !== null);
  const busy = fleetRuns.length === 0 ? new Set<string>() : await waitForOrphans(client);
  const schemas = fleetRuns.flatMap((run) => [
    ...pendingOf(run).map(({ tenant }) => tenant),
    ...(run.shared?.status === 'running' && run.sharedSchema !== null ? [run.sharedSchema] : []),
  ]);
  const now = schemas.length === 0 ? new Map<string, PlaceNow>() : await readPlaces([...new Set(schemas)]);
  for (const [index, run] of open.entries()) {
    const later = open.slice(index + 1).flatMap(({ plans }) => plans);
    const items =
      run.direction === null
        ? await changeOutcome(client, project, place.schema, run)
        : completeRun(place.schema, run, placesAfter(later, now), busy);
    await sendToJournal(client, place, [
      ...items,
      close(place.schema, run, before),
      ...fillChecksums(place.schema, run.id),
    ]);
  }
}

function completeRun(
  schema: string,
  run: OpenRun,
  placeOf: (tenant: string) => PlaceNow | undefined,
  busy: ReadonlySet<string>,
): BatchItem[] {
  const results = pendingOf(run).map((pending) => {
    const result = outcomeOf(pending, run.direction ?? 'up', placeOf(pending.tenant));
    return {
      // The names of connections are cut, but then these tenants are only looked at once more.
      result: busy.has(pending.tenant) ? stillUnknown(result) : result,
      startedAt: undefined,
      durationMs: undefined,
      completed: true as const,
    };
  });
  const shared = sharedOutcome(run, run.sharedSchema === null ? undefined : placeOf(run.sharedSchema));
  return [
    ...(results.length === 0 ? [] : [writeResults(schema, run.id, results)]),
    {
      text: `UPDATE ${journalTable(schema, 'runs')} SET shared = $2::jsonb WHERE id = $1::bigint`,
      values: [run.id, shared === null ? null : toJson(shared)],
    },
  ];
}

/** A connection is still at work on the tenant: the next run looks again. */
function stillUnknown(result: TenantResult): TenantResult {
  if (result.status === 'applied' || result.status === 'rolledBack') return result;
  const { tenant } = result;
  const message = `The run was ended from outside, and the server was still at work on "${tenant}".`;
  const error = { name: 'TenantsError', code: 'OUTCOME_UNKNOWN', message, tenant };
  return { tenant, status: 'failed', committed: [], error, unknownOutcome: true };
}

/** Closes the record: with the counts of its results, and of one that was ended from outside with the last sign of life. */
function close(schema: string, run: OpenRun, by: number): BatchItem {
  const counts = `(SELECT pg_catalog.jsonb_object_agg(s.status, s.n) FROM (SELECT t.status, pg_catalog.count(*) AS n
    FROM ${journalTable(schema, 'results')} t WHERE t.run = $1::bigint GROUP BY 1) s)`;
  const none = run.direction === null ? {} : NO_COUNTS[run.direction];
  const total = `(SELECT pg_catalog.count(*) FROM ${journalTable(schema, 'results')} t WHERE t.run = $1::bigint)`;
  return {
    text: `UPDATE ${journalTable(schema, 'runs')} r
        SET finished_at = coalesce(r.finished_at, $3::timestamptz), interrupted = r.interrupted OR r.finished_at IS NULL,
            counts = pg_catalog.jsonb_build_object('total', ${total}) || r.counts || $2::jsonb || coalesce(${counts}, '{}')
      WHERE r.id = $1::bigint AND r.id < $4::bigint`,
    values: [run.id, toJson(none), run.lastSeenAt, by],
  };
}

const NO_COUNTS = {
  up: { applied: 0, failed: 0, notExecuted: 0, missing: 0 },
  down: { rolledBack: 0, failed: 0, notExecuted: 0, missing: 0 },
} as const;

/**
 * Waits for connections of the ended run: they finish what was sent to them before they notice that nobody listens.
 *
 * @returns tenants that are still being worked on
 */
async function waitForOrphans(client: Client): Promise<Set<string>> {
  const until = Date.now() + ORPHANS_MS;
  for (;;) {
    const tenants = await readOrphans(client);
    if (tenants.size === 0 || Date.now() > until) return tenants;
    await sleep(POLL_MS);
  }
}
