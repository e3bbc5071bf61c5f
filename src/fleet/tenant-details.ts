import type { Client } from 'pg';

import { isOnCitus } from '../db/citus/cluster.js';
import { readTenantNodes } from '../db/citus/nodes.js';
import { qualified } from '../db/identifiers.js';
import type { Cohort } from './cohorts.js';
import { summarize } from './summaries.js';
import type { TenantDetail } from './types.js';

/** Schemas that one statement reads: each costs a relation lock until it ends. */
const BATCH_SIZE = 200;

/** What is applied to each tenant, with the times from its migrations table, and what is pending. Reads only. */
export async function readDetails(client: Client, cohorts: readonly Cohort[], table: string): Promise<TenantDetail[]> {
  const readable = cohorts.filter(({ state, tableExists }) => tableExists && state.kind !== 'unreadable');
  const times = await readTimes(
    client,
    readable.flatMap(({ members }) => members.map(({ schema }) => schema)),
    table,
  );
  const all = cohorts.flatMap(({ members }) => members.map(({ schema }) => schema));
  const nodes = isOnCitus(client) ? await readTenantNodes(client, all) : undefined;
  return cohorts.flatMap((cohort) => {
    const [summary] = summarize([cohort]).cohorts;
    if (summary === undefined) return [];
    const { type, state, pending, post } = summary;
    return cohort.members.map(({ schema }) => ({
      tenant: schema,
      type,
      state,
      applied: cohort.applied.map((name) => ({ name, runOn: times.get(schema)?.get(name) ?? null })),
      pending,
      ...(post === undefined ? {} : { post }),
      ...(cohort.rows === undefined ? {} : { rows: cohort.rows }),
      ...(nodes === undefined ? {} : { node: nodes.get(schema) ?? null }),
      ...placeOf(cohort),
    }));
  });
}

/** What keeps a tenant from being migrated, among its migrations. */
function placeOf({ state }: Cohort): Pick<TenantDetail, 'unknown' | 'gap'> {
  if (state.kind === 'ahead') return { unknown: state.unknown };
  return state.kind === 'outOfOrder' ? { gap: { expected: state.expected, found: state.found } } : {};
}

async function readTimes(
  client: Client,
  schemas: readonly string[],
  table: string,
): Promise<Map<string, Map<string, string | null>>> {
  const times = new Map<string, Map<string, string | null>>();
  for (let start = 0; start < schemas.length; start += BATCH_SIZE) {
    const batch = schemas.slice(start, start + BATCH_SIZE);
    const selects = batch.map(
      (schema, index) =>
        `SELECT ${index} AS i, name, to_char(run_on, 'YYYY-MM-DD"T"HH24:MI:SS.MS') AS at FROM ${qualified(schema, table)}`,
    );
    const { rows } = await client.query<{ i: number; name: string; at: string | null }>(selects.join(' UNION ALL '));
    for (const { i, name, at } of rows) {
      const schema = batch[i] ?? '';
      times.set(schema, (times.get(schema) ?? new Map<string, string | null>()).set(name, at));
    }
  }
  return times;
}
