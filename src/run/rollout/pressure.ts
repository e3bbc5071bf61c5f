import type { Client } from 'pg';

import { APPLICATION_PREFIX } from '../../db/connect.js';
import { formatDuration } from '../../util/duration.js';
import { plural } from '../../util/format-count.js';
import type { EffectiveRollout } from './effective-rollout.js';

export type PressureLimits = Pick<EffectiveRollout, 'maxReplicaLagMs' | 'maxLockWaits'>;

/** What the server suffers from. */
export type Pressure = {
  /** The replica that is furthest behind. */
  replica: { name: string; lagMs: number } | undefined;
  /** Sessions of others in this database that wait for a lock. */
  lockWaits: number;
  /** Replicas are there and their lag may not be read. */
  blind: boolean;
};

/** One replica, in positions of the WAL. */
export type Replica = { name: string; replayed: number; lagMs: number };

type Row = { now: number; replica: string | null; state: string | null; replayed: number | null; lagMs: number | null };

/**
 * How far replicas are behind. The server's own measure stands still while a replica says nothing, so the age of the oldest WAL that a
 * replica is known to lack counts as well, as far as it was seen being written.
 */
export class ReplicaLags {
  readonly #seen: { at: number; position: number }[] = [];

  /** @param position of the WAL written by now @param at now, in ms of any clock */
  behind(replicas: readonly Replica[], position: number, at: number): Pressure['replica'] {
    this.#seen.push({ at, position });
    const lowest = Math.min(...replicas.map(({ replayed }) => replayed), position);
    // What everyone has is of no more use.
    while (this.#seen.length > 1 && (this.#seen[1]?.position ?? 0) <= lowest) this.#seen.shift();
    const lags = replicas.map(({ name, replayed, lagMs }) => {
      if (replayed >= position) return { name, lagMs: 0 };
      const since = this.#seen.find((one) => one.position > replayed)?.at ?? at;
      return { name, lagMs: Math.max(lagMs, at - since) };
    });
    return lags.reduce<Pressure['replica']>(
      (worst, one) => (one.lagMs > (worst?.lagMs ?? -1) ? one : worst),
      undefined,
    );
  }
}

/** Asks only what is limited. */
export async function readPressure(client: Client, limits: PressureLimits, lags: ReplicaLags): Promise<Pressure> {
  const rows = limits.maxReplicaLagMs === undefined ? [] : (await client.query<Row>(REPLICAS)).rows;
  const replicas = rows.flatMap(({ replica, replayed, lagMs }) =>
    replayed === null ? [] : [{ name: replica ?? '', replayed, lagMs: lagMs ?? 0 }],
  );
  return {
    replica: lags.behind(replicas, rows[0]?.now ?? 0, performance.now()),
    lockWaits: limits.maxLockWaits === undefined ? 0 : await countLockWaits(client),
    blind: rows.some(({ state }) => state === null),
  };
}

/** Why tenants are held back; `undefined` where they are not. Pure. */
export function describePressure(
  { replica, lockWaits }: Pressure,
  { maxReplicaLagMs = Infinity, maxLockWaits = Infinity }: PressureLimits,
): { reason: string; message: string } | undefined {
  if (replica !== undefined && replica.lagMs > maxReplicaLagMs) {
    return {
      reason: 'a replica lagged',
      message: `the replica "${replica.name}" is ${formatDuration(replica.lagMs)} behind (limit: ${formatDuration(maxReplicaLagMs)})`,
    };
  }
  if (lockWaits > maxLockWaits) {
    const wait = lockWaits === 1 ? 'waits' : 'wait';
    return {
      reason: 'other sessions waited for locks',
      message: `${plural(lockWaits, 'other session')} ${wait} for locks (limit: ${maxLockWaits})`,
    };
  }
  return undefined;
}

/** All but its name is null for those who may not read it. */
const REPLICAS = `SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')::float8 AS now,
    r.application_name AS replica, r.state, pg_catalog.pg_wal_lsn_diff(r.replay_lsn, '0/0')::float8 AS replayed,
    (extract(epoch FROM r.replay_lag) * 1000)::float8 AS "lagMs"
  FROM pg_catalog.pg_stat_replication r WHERE r.state IS DISTINCT FROM 'backup'`;

/** Everybody may read the locks; what a session waits for is in pg_stat_activity for some only. */
async function countLockWaits(client: Client): Promise<number> {
  const { rows } = await client.query<{ waits: number }>(
    `SELECT pg_catalog.count(DISTINCT l.pid)::integer AS waits
       FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
      WHERE NOT l.granted AND a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
        AND NOT pg_catalog.starts_with(a.application_name, $1::text)`,
    [APPLICATION_PREFIX],
  );
  return rows[0]?.waits ?? 0;
}
