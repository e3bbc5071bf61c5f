import type { Client } from 'pg';

import { APPLICATION_PREFIX } from '../../db/connect.js';
import { quoteLiteral } from '../../db/identifiers.js';
import { describeHolder, FLEET_LOCK, fleetLock, NODE_PG_MIGRATE_LOCK, tenantLock } from '../../db/locks.js';
import type { SurveyedFleet } from '../../fleet/read-fleet.js';
import { creationLock } from '../../lifecycle/creation-lock.js';
import { formatDuration } from '../../util/duration.js';
import { plural } from '../../util/format-count.js';
import { noneOf, right, wrong } from '../results.js';
import type { Check, CheckGroup, Examination } from '../types.js';
import { type BusyHolder, readLockHolders } from './advisory-locks.js';

/** What other sessions are doing. */
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
  /** `null` for a prepared transaction, which has no session. */
  pid: number | null;
  user: string | null;
  /** The name of the program, or of the prepared transaction. */
  name: string;
  state: string | null;
  ageMs: number;
  relations: number;
  example: string;
};

/**
 * Transactions that have been open for a long time and hold a lock on a relation of a tenant or of the shared schema: `ALTER
 * TABLE` would wait for them, and all other sessions would queue behind it. Seeing the age of other users' transactions
 * takes the privileges of pg_read_all_stats. A prepared transaction is found by the lock on its own transaction ID.
 */
async function blockingCheck(
  { client, project, patienceMs }: Examination,
  { registered }: SurveyedFleet,
): Promise<Check> {
  const { rows } = await client.query<LongTransaction>(
    `WITH long AS (
         SELECT a.pid, l.virtualtransaction, a.usename::text AS user, coalesce(a.application_name, '') AS name, a.state,
                a.xact_start AS began
           FROM pg_stat_activity a
           JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'virtualxid' AND l.virtualxid = l.virtualtransaction
          WHERE a.pid <> pg_backend_pid() AND a.datname = current_database()
       UNION ALL
         SELECT NULL, l.virtualtransaction, p.owner::text, p.gid, 'prepared', p.prepared
           FROM pg_prepared_xacts p
           JOIN pg_locks l ON l.pid IS NULL AND l.locktype = 'transactionid' AND l.transactionid = p.transaction
          WHERE p.database = current_database())
     SELECT x.pid, x.user, x.name, x.state, extract(epoch FROM clock_timestamp() - x.began)::float8 * 1000 AS "ageMs",
            count(*)::int AS relations, min(n.nspname || '.' || c.relname) AS example
       FROM long x
       JOIN pg_locks l ON l.locktype = 'relation' AND l.granted AND l.virtualtransaction = x.virtualtransaction
        AND l.pid IS NOT DISTINCT FROM x.pid
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       JOIN pg_class c ON c.oid = l.relation
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE x.began < clock_timestamp() - $2 * interval '1 ms' AND n.nspname::text = ANY ($1::text[])
      GROUP BY x.pid, x.user, x.name, x.state, x.began
      ORDER BY x.began`,
    [[project.shared.schema, ...registered.map(({ schema }) => schema)], patienceMs],
  );
  const session = rows.find(({ pid }) => pid !== null);
  const prepared = rows.find(({ pid }) => pid === null);
  const none = (await seesOthers(client)) ? 'none' : 'none visible to this user';
  return noneOf('blocking-transactions', rows.map(describeTransaction), {
    none,
    thing: `transaction open for over ${formatDuration(patienceMs)}`,
    things: `transactions open for over ${formatDuration(patienceMs)}`,
    suggestions: [
      'Have these programs commit or roll back, and set idle_in_transaction_session_timeout.',
      ...(session === undefined
        ? []
        : [`To end one and discard its uncommitted changes: SELECT pg_terminate_backend(${session.pid ?? ''})`]),
      ...(prepared === undefined ? [] : [`COMMIT PREPARED or ROLLBACK PREPARED ${quoteLiteral(prepared.name)}`]),
    ],
  });
}

async function seesOthers(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ sees: boolean }>(
    `SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees`,
  );
  return rows[0]?.sees === true;
}

function describeTransaction({ pid, user, name, state, ageMs, relations, example }: LongTransaction): string {
  const who = pid === null ? `prepared transaction "${name}"` : `process ${pid}${name === '' ? '' : ` (${name})`}`;
  const whose = user === null ? '' : ` of user ${user}`;
  const others = relations > 1 ? ` and ${relations - 1} more` : '';
  const how = pid === null ? 'waiting' : (state ?? 'open');
  return `${who}${whose}: ${how} for ${formatDuration(ageMs)}, holds ${example}${others}`;
}

/** Who holds our locks. A run's control connection is idle while its lanes work, so it is fine if any lane is working. */
async function holdersCheck(
  { client, project, patienceMs }: Examination,
  { registered }: SurveyedFleet,
): Promise<Check> {
  const holders = await readLockHolders(client);
  const run = fleetLock(project.shared.schema);
  const ours = new Set(holders.get(run)?.map(({ pid }) => pid));
  // A run of this application holds both.
  const others = (holders.get(FLEET_LOCK) ?? []).filter(({ pid }) => !ours.has(pid));
  if (others.length === 0) holders.delete(FLEET_LOCK);
  else holders.set(FLEET_LOCK, others);
  const keys = new Map<string, string>([
    [run, 'the lock of a run'],
    [FLEET_LOCK, 'the lock of a run of another application, or of an older version'],
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
  if (held.length === 0) return right('locks-held', 'none');
  const items = held.map(({ what, holder }) => `${what}: ${describeHolder(holder)}${idleFor(holder)}`);
  const idle = held.filter(({ holder }) => (holder.idleMs ?? 0) > patienceMs);
  if (idle.length === 0 || (await isAnyoneAtWork(client, patienceMs))) {
    return right('locks-held', `${plural(held.length, 'lock')} held by others`, { items });
  }
  return wrong('locks-held', `${plural(idle.length, 'lock')} held by idle sessions`, {
    items,
    suggestions: [
      'Check these processes on their hosts.',
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
        WHERE pid <> pg_backend_pid() AND datname = current_database() AND starts_with(application_name, $2)
          AND (state NOT LIKE 'idle%' OR state_change > clock_timestamp() - $1 * interval '1 ms')) AS working`,
    [patienceMs, APPLICATION_PREFIX],
  );
  return rows[0]?.working === true;
}
