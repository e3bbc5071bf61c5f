import type { Client } from 'pg';

import { tenantsCommand } from '../../util/tenants-command.js';
import { right, wrong } from '../results.js';
import type { Check, CheckGroup } from '../types.js';

/** Maintenance of the server's own catalog, which grows with every tenant. */
export const CATALOG_CHECKS: CheckGroup = {
  names: ['autovacuum', 'catalog-statistics'],
  run: async ({ client }) => [await autovacuumCheck(client), await statisticsCheck(client)],
};

/** The catalogs that grow when many tenants are migrated. */
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

/** Fewer rows than this are read quickly even without statistics. */
const LARGE = 5_000;
/** Plans go bad when estimates are off by orders of magnitude; smaller growth can wait for autovacuum. */
const FACTOR = 4;

/**
 * Compares the planner's statistics of the catalog with its actual size.
 *
 * `pg_class.reltuples` is what the last VACUUM or ANALYZE counted; the difference to the actual number of rows has been added
 * since. Until the catalog is analyzed, catalog queries can get bad plans.
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
      `To analyze the catalog, run: ${tenantsCommand('doctor', '--fix')}`,
      `Or as the owner of the database: ANALYZE ${GROWING_CATALOGS.join(', ')}`,
    ],
  });
}
