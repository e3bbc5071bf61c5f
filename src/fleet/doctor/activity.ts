import type { Client } from 'pg';

import { describeHolder, FLEET_LOCK, NODE_PG_MIGRATE_LOCK, tenantLock } from '../../db/index.js';
import { formatDuration } from '../../util/duration.js';
import { plural } from '../../util/plural.js';
import { creationLock } from '../creation-lock.js';
import { type BusyHolder, readLockHolders } from './advisory.js';
import { noneOf, right, wrong } from './results.js';
import type { Check, CheckGroup, Exam, SurveyedFleet } from './types.js';

/** What other sessions are at. */
export const ACTIVITY_CHECKS: CheckGroup = {
  names: ['blocking-transactions', 'locks-held'],
  needs: 'fleet',
  run: async (exam) => {
    const { fleet } = exam;
    if (fleet === undefined) return [];
    return [await blockingCheck(exam, fleet), await holdersCheck(exam, fleet)];
  },
};

type LongTransaction = {
  pid: number;
  user: string | null;
  application: string;
  state: string | null;
  ageMs: number;
  relations: number;
  example: string;
};

/**
 * Transactions that have long been open and hold any lock on a relation of a tenant or of the shared schema: `ALTER TABLE`
 * would wait for them, and everybody else for it. Of other users' sessions their age can be seen with the rights of
 * pg_read_all_stats.
 */
async function blockingCheck({ client, project, patienceMs }: Exam, { registered }: SurveyedFleet): Promise<Check> {
  const { rows } = await client.query<LongTransaction>(
    `SELECT a.pid, a.usename::text AS user, coalesce(a.application_name, '') AS application, a.state,
            extract(epoch FROM clock_timestamp() - a.xact_start)::float8 * 1000 AS "ageMs", count(*)::int AS relations,
            min(n.nspname || '.' || c.relname) AS example
       FROM pg_stat_activity a
       JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'relation' AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       JOIN pg_class c ON c.oid = l.relation
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE a.pid <> pg_backend_pid() AND a.xact_start < clock_timestamp() - $2 * interval '1 ms'
        AND n.nspname::text = ANY ($1::text[])
      GROUP BY a.pid, a.usename, a.application_name, a.state, a.xact_start
      ORDER BY a.xact_start`,
    [[project.shared.schema, ...registered.map(({ schema }) => schema)], patienceMs],
  );
  const pids = rows.map(({ pid }) => pid);
  return noneOf('blocking-transactions', rows.map(describeTransaction), {
    thing: `transaction open for over ${formatDuration(patienceMs)}`,
    things: `transactions open for over ${formatDuration(patienceMs)}`,
    suggestions: [
      'Let their programs commit, and set idle_in_transaction_session_timeout.',
      `To end one, with what it has not committed: SELECT pg_terminate_backend(${pids[0] ?? 'PID'})`,
    ],
  });
}

function describeTransaction({ pid, user, application, state, ageMs, relations, example }: LongTransaction): string {
  const who = `process ${pid}${application === '' ? '' : ` (${application})`}${user === null ? '' : ` of user ${user}`}`;
  const others = relations > 1 ? ` and ${relations - 1} more` : '';
  return `${who}: ${state ?? 'open'} for ${formatDuration(ageMs)}, holds ${example}${others}`;
}

/** Who holds the product's locks. A run's own connection is idle while its lanes work, so any lane at work excuses it. */
async function holdersCheck({ client, patienceMs }: Exam, { registered }: SurveyedFleet): Promise<Check> {
  const holders = await readLockHolders(client);
  const keys = new Map<string, string>([
    [FLEET_LOCK, 'the lock of a run'],
    [NODE_PG_MIGRATE_LOCK, "node-pg-migrate's lock"],
  ]);
  for (const { schema } of registered) {
    keys.set(tenantLock(schema), `the tenant "${schema}"`);
    keys.set(creationLock(schema), `the creation of "${schema}"`);
  }
  const held = [...holders].flatMap(([key, all]) => {
    const what = keys.get(key);
    return what === undefined ? [] : all.map((holder) => ({ what, holder }));
  });
  if (held.length === 0) return right('locks-held', 'nobody holds any');
  const items = held.map(({ what, holder }) => `${what}: ${describeHolder(holder)}${idleFor(holder)}`);
  const idle = held.filter(({ holder }) => (holder.idleMs ?? 0) > patienceMs);
  if (idle.length === 0 || (await isAnyoneAtWork(client, patienceMs))) {
    return right('locks-held', `${plural(held.length, 'lock')} held by others`, { items });
  }
  return wrong('locks-held', `${plural(idle.length, 'lock')} held by idle sessions`, {
    items,
    suggestions: [
      'Look what became of these processes on their hosts.',
      `To end one: SELECT pg_terminate_backend(${idle[0]?.holder.pid ?? 'PID'})`,
    ],
  });
}

function idleFor({ idleMs }: BusyHolder): string {
  return idleMs === null ? '' : `, idle for ${formatDuration(idleMs)}`;
}

async function isAnyoneAtWork(client: Client, patienceMs: number): Promise<boolean> {
  const { rows } = await client.query<{ working: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND datname = current_database() AND application_name LIKE 'tenants: %'
          AND (state NOT LIKE 'idle%' OR state_change > clock_timestamp() - $1 * interval '1 ms')) AS working`,
    [patienceMs],
  );
  return rows[0]?.working === true;
}
