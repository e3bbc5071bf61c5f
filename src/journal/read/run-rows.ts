import type { Client } from 'pg';

import { APPLICATION_PREFIX } from '../../db/connect.js';
import { journalTable } from '../place/versions.js';
import type { RecordedResult, RecordedRun } from '../types.js';

/** ISO 8601 with milliseconds, in UTC. */
const time = (column: string): string =>
  `pg_catalog.to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const FIELDS = `r.id, r.command, r.command_line AS "commandLine", ${time('r.started_at')} AS "startedAt",
  ${time('r.finished_at')} AS "finishedAt", r.exit_code AS "exitCode",
  CASE WHEN r.interrupted THEN 'interrupted' WHEN r.finished_at IS NOT NULL THEN 'finished'
       WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = r.backend_pid AND a.datname = pg_catalog.current_database()
              AND pg_catalog.starts_with(a.application_name, $1::text)
              AND (a.backend_start IS NULL OR r.backend_start IS NULL OR a.backend_start = r.backend_start)) THEN 'running'
       ELSE 'interrupted' END AS state,
  r.counts, r.os_user AS "user", r.db_user AS "databaseUser", r.host, r.tool_version AS version, r.commit,
  r.whole_fleet AS "wholeFleet", r.shared, r.error`;

type Row = Omit<RecordedRun, 'id'> & { id: string };

/** The newest runs, newest first. @param condition on the row `r`, with parameters from `$2` on */
export async function readRunRows(
  client: Client,
  schema: string,
  { condition = 'true', values = [], limit }: { condition?: string; values?: unknown[]; limit?: number },
): Promise<RecordedRun[]> {
  const { rows } = await client.query<Row>(
    `SELECT ${FIELDS} FROM ${journalTable(schema, 'runs')} r WHERE ${condition} ORDER BY r.id DESC
      ${limit === undefined ? '' : `LIMIT ${Math.trunc(limit)}`}`,
    [APPLICATION_PREFIX, ...values],
  );
  return rows.map(({ id, ...run }) => ({ ...run, id: Number(id) })).map(({ id, ...run }) => ({ id, ...run }));
}

type ResultRow = {
  tenant: string;
  status: RecordedResult['status'];
  startedAt: string | null;
  durationMs: number | null;
  migrations: string[] | null;
  reason: string | null;
  attempts: NonNullable<RecordedResult['attempts']> | null;
  warnings: string[] | null;
  error: NonNullable<RecordedResult['error']> | null;
  migration: string | null;
  unknown: boolean;
  completed: boolean;
};

/** Results of a run, in the order in which the tenants were begun. */
export async function readResultRows(
  client: Client,
  schema: string,
  run: number,
  { failed = false, tenants }: { failed?: boolean; tenants?: readonly string[] } = {},
): Promise<RecordedResult[]> {
  const { rows } = await client.query<ResultRow>(
    `SELECT t.tenant, t.status, ${time('t.started_at')} AS "startedAt", t.duration_ms AS "durationMs", t.migrations, t.reason,
            t.attempts, t.warnings, t.migration, t.error, t.unknown, t.completed
       FROM ${journalTable(schema, 'results')} t
      WHERE t.run = $1::bigint AND (NOT $2::boolean OR t.status = ANY ('{failed,notExecuted,missing}'::text[]))
        AND ($3::text[] IS NULL OR t.tenant = ANY ($3::text[]))
      ORDER BY t.started_at NULLS LAST, t.tenant COLLATE "C"`,
    [run, failed, tenants ?? null],
  );
  return rows.map((row) => resultOf(row));
}

/** With the fields that a report has for each status. */
function resultOf({ tenant, status, startedAt, durationMs, ...row }: ResultRow): RecordedResult {
  const { migrations, migration, reason, attempts, warnings, error, unknown, completed } = row;
  const names = migrations ?? [];
  return {
    tenant,
    status,
    startedAt,
    durationMs,
    ...(status === 'failed' ? { committed: names } : migrations === null ? {} : { migrations: names }),
    ...(status === 'failed' && migration !== null ? { migration } : {}),
    ...(reason === null ? {} : { reason }),
    ...(attempts === null ? {} : { attempts }),
    ...(warnings === null ? {} : { warnings }),
    ...(error === null ? {} : { error }),
    ...(unknown ? { unknownOutcome: true as const } : {}),
    ...(completed ? { completed: true as const } : {}),
  };
}
