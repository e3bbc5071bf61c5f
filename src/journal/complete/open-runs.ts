import type { Client } from 'pg';

import { APPLICATION_PREFIX } from '../../db/connect.js';
import { journalTable } from '../place/versions.js';
import type { RecordedShared } from '../types.js';

/** A run whose record is not complete. */
export type OpenRun = {
  id: number;
  command: string;
  direction: 'up' | 'down' | null;
  /** It has ended, but of some tenants it is not known how. */
  finished: boolean;
  sharedSchema: string | null;
  shared: RecordedShared | null;
  counts: Record<string, number>;
  plans: OpenPlan[];
  /** Tenants of which it is known what became of them. */
  known: string[];
  /** When the last result was recorded, or the run begun. ISO 8601. */
  lastSeenAt: string;
};

export type OpenPlan = {
  number: number;
  applied: string[];
  migrations: string[];
  tenants: string[];
  oids: (number | null)[];
};

/**
 * Runs before this one that have no end, or a tenant without an outcome, oldest first; those of other applications of the database,
 * which may be under way, are theirs. A change of one tenant holds no fleet
 * lock: it goes on as long as its connection is there. A run of an application with another shared schema has a lock of its own.
 */
export async function readOpenRuns(
  client: Client,
  schema: string,
  { before, sharedSchema }: { before: number; sharedSchema: string },
): Promise<OpenRun[]> {
  const table = (name: 'runs' | 'plans' | 'results'): string => journalTable(schema, name);
  const { rows } = await client.query<Omit<OpenRun, 'id'> & { id: string }>(
    `SELECT r.id, r.command, r.direction, r.finished_at IS NOT NULL AS finished, r.shared_schema AS "sharedSchema", r.shared, r.counts,
            (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('number', p.number, 'applied', p.applied,
                      'migrations', p.migrations, 'tenants', p.tenants, 'oids', p.oids) ORDER BY p.number), '[]')
               FROM ${table('plans')} p WHERE p.run = r.id) AS plans,
            ARRAY(SELECT t.tenant FROM ${table('results')} t WHERE t.run = r.id AND NOT t.unknown) AS known,
            pg_catalog.to_json(coalesce((SELECT pg_catalog.max(t.started_at + t.duration_ms * '1 ms'::interval)
              FROM ${table('results')} t WHERE t.run = r.id), r.started_at)) AS "lastSeenAt"
       FROM ${table('runs')} r
      WHERE r.id < $1::bigint AND (r.shared_schema IS NULL OR r.shared_schema = $3::text)
        AND (r.finished_at IS NULL OR r.id = ANY (ARRAY(SELECT t.run FROM ${table('results')} t WHERE t.unknown)))
        AND (r.direction IS NOT NULL OR NOT EXISTS (
          SELECT FROM pg_catalog.pg_stat_activity a
           WHERE a.pid = r.backend_pid AND a.datname = pg_catalog.current_database() AND pg_catalog.starts_with(a.application_name, $2::text)
             AND (a.backend_start IS NULL OR r.backend_start IS NULL OR a.backend_start = r.backend_start)))
      ORDER BY r.id`,
    [before, APPLICATION_PREFIX, sharedSchema],
  );
  return rows.map(({ id, ...run }) => ({ ...run, id: Number(id) }));
}

/** Tenants on which the connections of an ended run are still at work. */
export async function readOrphans(client: Client): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT pg_catalog.substr(a.application_name, pg_catalog.length($1::text) + 1) AS name FROM pg_catalog.pg_stat_activity a
      WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
        AND pg_catalog.starts_with(a.application_name, $1::text)`,
    [APPLICATION_PREFIX],
  );
  return new Set(rows.flatMap(({ name }) => /^(?:migrate|rollback) (.+)$/.exec(name)?.[1] ?? []));
}
