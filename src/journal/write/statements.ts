import type { BatchItem } from '../../db/batch.js';
import { arrayLiteral } from '../../db/identifiers.js';
import type { TenantResult } from '../../executors/types.js';
import { redactDeep } from '../../util/redact.js';
import { journalTable } from '../place/versions.js';
import type { PlannedTenants, RecordedShared, RunCounts } from '../types.js';

/** The first record of a run. */
export type NewRun = {
  command: string;
  commandLine: string | null;
  /** ISO 8601. */
  startedAt: string;
  version: string | null;
  osUser: string | null;
  host: string | null;
  commit: string | null;
  wholeFleet: boolean;
  direction: 'up' | 'down' | null;
  sharedSchema: string | null;
  shared: RecordedShared | null;
};

/** Adds a run and answers its number. With a number of its own it is added again, where a failover has lost it. */
export function insertRun(schema: string, run: NewRun, id?: number): BatchItem {
  return {
    text: `INSERT INTO ${journalTable(schema, 'runs')} (${id === undefined ? '' : 'id, '}command, command_line, started_at,
        tool_version, os_user, host, commit, whole_fleet, direction, shared_schema, shared, db_user, backend_pid, backend_start)
      SELECT ${id === undefined ? '' : '$12::bigint, '}$1::text, $2::text, $3::timestamptz, $4::text, $5::text, $6::text, $7::text,
        $8::boolean, $9::text, $10::text, $11::jsonb, session_user::text, pg_catalog.pg_backend_pid(),
        (SELECT a.backend_start FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a)
      ON CONFLICT (id) DO UPDATE SET backend_pid = EXCLUDED.backend_pid, backend_start = EXCLUDED.backend_start
      RETURNING id`,
    values: [
      run.command,
      run.commandLine,
      run.startedAt,
      run.version,
      run.osUser,
      run.host,
      run.commit,
      run.wholeFleet,
      run.direction,
      run.sharedSchema,
      run.shared === null ? null : toJson(run.shared),
      ...(id === undefined ? [] : [id]),
    ],
  };
}

/** Adds what a run is about to hand out. */
export function insertPlans(schema: string, run: number, first: number, plans: readonly PlannedTenants[]): BatchItem[] {
  return plans.map(({ type, applied, migrations, members }, index) => ({
    text: `INSERT INTO ${journalTable(schema, 'plans')} (run, number, type, applied, migrations, tenants, oids)
      VALUES ($1::bigint, $2::integer, $3::text, $4::text[], $5::text[], $6::text[], $7::bigint[])
      ON CONFLICT (run, number) DO NOTHING`,
    values: [
      run,
      first + index,
      type,
      arrayLiteral(applied),
      arrayLiteral(migrations),
      arrayLiteral(members.map(({ schema: tenant }) => tenant)),
      `{${members.map(({ oid }) => oid ?? 'NULL').join(',')}}`,
    ],
  }));
}

/** What a tenant's result says beyond itself. */
export type Timed = { result: TenantResult; startedAt: number | undefined; durationMs: number | undefined };

/** Results of tenants, each of which takes the place of an earlier one. */
export function writeResults(
  schema: string,
  run: number,
  results: readonly (Timed & { completed?: true })[],
): BatchItem {
  return writeRows(
    schema,
    run,
    results.map((one) => rowOf(one)),
  );
}

/** A row of the table of results, by the names of its columns. */
export type ResultRow = { tenant: string; status: string } & Partial<Record<(typeof COLUMNS)[number][0], unknown>>;

const COLUMNS = [
  ['tenant', 'text'],
  ['status', 'text'],
  ['started_at', 'timestamptz'],
  ['duration_ms', 'integer'],
  ['migrations', 'text[]'],
  ['reason', 'text'],
  ['attempts', 'jsonb'],
  ['warnings', 'jsonb'],
  ['code', 'text'],
  ['sqlstate', 'text'],
  ['message', 'text'],
  ['migration', 'text'],
  ['file', 'text'],
  ['line', 'integer'],
  ['statement', 'text'],
  ['error', 'jsonb'],
  ['unknown', 'boolean'],
  ['completed', 'boolean'],
] as const;

const NAMES = COLUMNS.map(([name]) => name);
const TYPED = COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ');
const VALUES = NAMES.map((name) =>
  name === 'unknown' || name === 'completed' ? `coalesce(r.${name}, false)` : `r.${name}`,
);
const REPLACED = NAMES.slice(1).map((name) => `${name} = EXCLUDED.${name}`);

export function writeRows(schema: string, run: number, rows: readonly ResultRow[]): BatchItem {
  return {
    text: `INSERT INTO ${journalTable(schema, 'results')} (run, ${NAMES.join(', ')})
      SELECT $1::bigint, ${VALUES.join(', ')} FROM pg_catalog.jsonb_to_recordset($2::jsonb) AS r (${TYPED})
      ON CONFLICT (run, tenant) DO UPDATE SET ${REPLACED.join(', ')}`,
    values: [run, toJson(rows)],
    prepared: true,
  };
}

function rowOf({ result, startedAt, durationMs, completed }: Timed & { completed?: true }): ResultRow {
  const { tenant, status, attempts, warnings } = result;
  const row: ResultRow = {
    tenant,
    status,
    ...(startedAt === undefined ? {} : { started_at: new Date(startedAt).toISOString() }),
    ...(durationMs === undefined ? {} : { duration_ms: Math.round(durationMs) }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(warnings === undefined ? {} : { warnings }),
    ...(completed === undefined ? {} : { completed }),
  };
  if ('migrations' in result) return { ...row, migrations: result.migrations };
  if (result.status === 'notExecuted') return { ...row, reason: result.reason };
  if (result.status !== 'failed') return row;
  const error = redactDeep(result.error);
  return {
    ...row,
    migrations: result.committed,
    code: error.code,
    sqlstate: error.sqlstate ?? null,
    message: error.message,
    migration: result.migration ?? error.migration ?? null,
    file: error.file ?? null,
    line: error.line ?? null,
    statement: error.statement ?? null,
    error,
    ...(result.unknownOutcome === true ? { unknown: true } : {}),
  };
}

/** Takes away results of tenants that are not part of the run after all. */
export function removeResults(schema: string, run: number, tenants: readonly string[]): BatchItem {
  return {
    text: `DELETE FROM ${journalTable(schema, 'results')} WHERE run = $1::bigint AND tenant = ANY ($2::text[])`,
    values: [run, arrayLiteral(tenants)],
  };
}

/** How far the run is, and what became of the shared schema once that is known. */
export function updateRun(
  schema: string,
  run: number,
  counts: RunCounts,
  shared: RecordedShared | undefined,
): BatchItem {
  return {
    text: `UPDATE ${journalTable(schema, 'runs')} SET counts = $2::jsonb, shared = coalesce($3::jsonb, shared) WHERE id = $1::bigint`,
    values: [run, toJson(counts), shared === undefined ? null : toJson(redactDeep(shared))],
    prepared: true,
  };
}

/** The end of a run. */
export function finishRun(
  schema: string,
  run: number,
  end: { exitCode: number; counts: RunCounts; shared: RecordedShared | null; error: unknown },
): BatchItem {
  return {
    text: `UPDATE ${journalTable(schema, 'runs')} SET finished_at = $6::timestamptz, exit_code = $2::integer,
        counts = $3::jsonb, shared = $4::jsonb, error = $5::jsonb, interrupted = false WHERE id = $1::bigint`,
    values: [
      run,
      end.exitCode,
      toJson(end.counts),
      end.shared === null ? null : toJson(redactDeep(end.shared)),
      end.error === null ? null : toJson(redactDeep(end.error)),
      new Date().toISOString(),
    ],
  };
}

/** JSON as `jsonb` takes it: PostgreSQL's text has no NUL and no half characters. */
export function toJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (!/\\u(?:0000|d[89a-f])/i.test(json)) return json;
  return JSON.stringify(value, (_key, one: unknown) =>
    typeof one === 'string' ? one.replace(/\0|\p{Cs}/gu, '\uFFFD') : one,
  );
}
