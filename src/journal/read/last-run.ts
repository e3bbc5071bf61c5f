import type { Client } from 'pg';

import type { JournalPlace } from '../place/inspect.js';
import { journalTable } from '../place/versions.js';
import type { RecordedRun } from '../types.js';
import { readRunRows } from './run-rows.js';

/** What the last run left undone, and the run that goes on. */
export type RunsNow = {
  /** The last `migrate` or `rollback` that is over; `null` when none was recorded. */
  lastRun: (RecordedRun & { left: LeftUndone[] }) | null;
  /** A run that goes on now, with the counts so far. */
  running: RecordedRun | null;
};

/** How many tenants were left undone in one way: by SQLSTATE, error code or reason. */
export type LeftUndone = { status: 'failed' | 'notExecuted' | 'missing'; code: string; count: number };

const UNDONE = ['failed', 'notExecuted', 'missing'] as const;

/** Reads that; `undefined` without a journal, and when it cannot be read. */
export async function readRunsNow(
  client: Client,
  place: JournalPlace | undefined,
  sharedSchema: string,
): Promise<RunsNow | undefined> {
  if (place === undefined) return undefined;
  try {
    const runs = await readRunRows(client, place.schema, {
      condition: 'r.direction IS NOT NULL AND r.shared_schema = $2::text',
      values: [sharedSchema],
      limit: 2,
    });
    const running = runs.find(({ state }) => state === 'running') ?? null;
    const last = runs.find(({ state }) => state !== 'running');
    return {
      running,
      lastRun: last === undefined ? null : { ...last, left: await readLeft(client, place.schema, last) },
    };
  } catch {
    // Where the fleet stands can be told without it.
    return undefined;
  }
}

async function readLeft(client: Client, schema: string, { id, counts }: RecordedRun): Promise<LeftUndone[]> {
  if (UNDONE.every((status) => (counts[status] ?? 0) === 0)) return [];
  const { rows } = await client.query<LeftUndone>(
    `SELECT t.status, coalesce(t.sqlstate, t.code, t.reason, 'missing') AS code, pg_catalog.count(*)::integer AS count
       FROM ${journalTable(schema, 'results')} t
      WHERE t.run = $1::bigint AND t.status = ANY ('{failed,notExecuted,missing}'::text[])
      GROUP BY 1, 2 ORDER BY 3 DESC, 2`,
    [id],
  );
  return rows;
}
