import { freeConnections } from '../../db/free-connections.js';
import { findExecutor } from '../../executors/find-executor.js';
import { possibleParallelism, wantedParallelism } from '../../fleet/parallelism.js';
import type { SurveyedFleet } from '../../fleet/read-fleet.js';
import { hasOwnSchema } from '../../registry/list.js';
import { plural } from '../../util/format-count.js';
import { right, wrong } from '../results.js';
import type { Check, CheckGroup, Examination } from '../types.js';

/** Compares the server's capacity with what a run of the configured size needs. */
export const CAPACITY_CHECKS: CheckGroup = {
  names: ['lock-table', 'connections'],
  needs: 'fleet',
  run: async (exam) => {
    const { fleet, project } = exam;
    if (fleet === undefined) return [];
    const executor = await findExecutor(project.executor);
    try {
      const wanted = wantedParallelism(project, executor);
      const tenants = fleet.cohorts.reduce((sum, { members }) => sum + members.length, 0);
      const lanes = Math.min(wanted.processes * wanted.concurrency, Math.max(1, tenants));
      return [await lockTableCheck(exam, fleet, lanes), await connectionCheck(exam, wanted, tenants, lanes)];
    } finally {
      await executor.close();
    }
  },
};

/** Locks of the survey: each statement reads 200 migrations tables with their primary keys, on four connections. */
const SURVEY_LOCKS = 4 * 200 * 2;

/**
 * The server's lock table has max_locks_per_transaction entries for each connection and prepared transaction, and any
 * transaction may use the entries of others: with the defaults, 64 × 100 = 6,400 in total. Each table, index, sequence and
 * TOAST table that a transaction locks takes one until it ends. A migration may touch everything in its tenant, and
 * creating, cloning or rolling back a tenant does. So a run may need the number of its lanes times the relations of the
 * largest tenant, in addition to what is in use now. (Deleting works in batches.)
 */
async function lockTableCheck(
  { client, project }: Examination,
  { registered }: SurveyedFleet,
  lanes: number,
): Promise<Check> {
  const { rows } = await client.query<{
    places: number;
    perTransaction: number;
    sessions: number;
    held: number;
    largest: number;
    schema: string | null;
  }>(
    `WITH setting AS (
       SELECT current_setting('max_locks_per_transaction')::int AS per,
              current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int AS sessions
     ), largest AS (
       SELECT n.nspname::text AS schema, (count(*) + 2 * count(*) FILTER (WHERE c.reltoastrelid <> 0))::int AS relations
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname::text = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'i', 'I', 'S', 'v', 'm', 'f')
        GROUP BY 1 ORDER BY 2 DESC LIMIT 1)
     SELECT s.per * s.sessions AS places, s.per AS "perTransaction", s.sessions,
            (SELECT count(*)::int FROM pg_locks WHERE NOT fastpath) AS held,
            coalesce((SELECT relations FROM largest), 0) AS largest, (SELECT schema FROM largest) AS schema
       FROM setting s`,
    [registered.filter((tenant) => hasOwnSchema(project.registry, tenant)).map(({ schema }) => schema)],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('The settings could not be read.');
  return judgeLockTable({ ...row, lanes });
}

/** Pure. */
export function judgeLockTable(room: {
  places: number;
  sessions: number;
  held: number;
  lanes: number;
  largest: number;
  schema: string | null;
}): Check {
  const { places, sessions, held, lanes, largest, schema } = room;
  const run = Math.max(lanes * largest, SURVEY_LOCKS);
  const why = run > SURVEY_LOCKS ? `${number(lanes)} × ${plural(largest, 'relation')}` : 'a survey';
  const expected = `${number(run + held)} places: ${why}, ${number(held)} taken`;
  const details = { expected, ...(schema === null ? {} : { items: [`largest tenant: ${schema}`] }) };
  const actual = `${number(places)} places`;
  if (run + held <= places) return right('lock-table', actual, { expected });
  const setting = Math.ceil((run + held) / sessions / 64) * 64;
  return wrong('lock-table', actual, {
    ...details,
    suggestions: [
      `Set max_locks_per_transaction = ${setting} and restart the server.`,
      'Or migrate fewer tenants at a time, with a lower --concurrency.',
    ],
  });
}

async function connectionCheck(
  { client, project, ownSession }: Examination,
  wanted: { processes: number; concurrency: number },
  tenants: number,
  lanes: number,
): Promise<Check> {
  const name = 'connections';
  if (!ownSession) return { ...wrong(name, 'not checked: the pooler assigns other connections'), skipped: true };
  const { warning } = await possibleParallelism(client, project, wanted, tenants);
  const free = Math.max(0, await freeConnections(client));
  const expected = `${plural(lanes, 'lane')}, 2 to spare`;
  if (warning === undefined) return right(name, `${number(free)} free`, { expected });
  return wrong(name, `${number(free)} free`, {
    expected,
    items: [warning],
    suggestions: ['Raise max_connections, close other connections, or lower --concurrency and --max-processes.'],
  });
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
