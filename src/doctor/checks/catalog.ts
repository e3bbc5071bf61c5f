import type { Client } from 'pg';

import { right, wrong } from '../results.js';
import type { Check, CheckGroup } from '../types.js';

/** The server's care for its own catalog, which grows with every tenant. */
export const CATALOG_CHECKS: CheckGroup = {
  names: ['autovacuum', 'catalog-statistics'],
  run: async ({ client }) => [await autovacuumCheck(client), await statisticsCheck(client)],
};

/** The catalogs that a mass migration fills. */
export const GROWING_CATALOGS = [
  'pg_namespace',
  'pg_class',
  'pg_attribute',
  'pg_index',
  'pg_constraint',
  'pg_type',
  'pg_depend',
] as const;

async function autovacuumCheck(client: Client): Promise<Check> {
  const { rows } = await client.query<{ on: boolean }>(
    `SELECT current_setting('autovacuum')::bool AND current_setting('track_counts')::bool AS on`,
  );
  if (rows[0]?.on === true) return right('autovacuum', 'on');
  return wrong('autovacuum', 'off', {
    suggestions: ['ALTER SYSTEM SET autovacuum = on; ALTER SYSTEM SET track_counts = on; SELECT pg_reload_conf()'],
  });
}

/** Fewer rows are read without statistics in no time. */
const LARGE = 5_000;
/** Planners go wrong by orders of magnitude; a catalog that grew less is analyzed by autovacuum in its own time. */
const FACTOR = 4;

/**
 * Compares what the planner knows of the catalog with what there is.
 *
 * `pg_class.reltuples` is what the last VACUUM or ANALYZE counted, so what a mass migration has added since is the difference
 * to the rows that are there. Until it is analyzed, plans over the catalog flip.
 */
export async function statisticsCheck(client: Client): Promise<Check> {
  const { rows } = await client.query<{ rows: number; known: number }>(
    `SELECT (SELECT count(*)::int FROM pg_class) AS rows, greatest(reltuples, 0)::float8 AS known
       FROM pg_class WHERE oid = 'pg_class'::regclass`,
  );
  const { rows: there, known } = rows[0] ?? { rows: 0, known: 0 };
  const actual = `${Math.round(known).toLocaleString('en-US')} of ${there.toLocaleString('en-US')} relations known`;
  if (there < LARGE || there < known * FACTOR) return right('catalog-statistics', actual);
  return wrong('catalog-statistics', actual, {
    suggestions: [
      `To analyze the catalog, run: tenants doctor --fix`,
      `Or as the owner of the database: ANALYZE ${GROWING_CATALOGS.join(', ')}`,
    ],
  });
}
