import type { Client } from 'pg';

import type { Cohort } from '../../fleet/cohorts.js';
import { chosenCanary, type CanarySetting } from '../rollout/canary.js';
import type { Sample } from './types.js';

type Member = Cohort['members'][number];

/** Up to so many schemas are measured; of larger cohorts the server's own counts of pages are taken, which can be old. */
const MEASURED = 200;

/**
 * The tenants of a cohort that are tried, in this order: all, the canary alone, or the largest and the newest in turn. A chosen canary is
 * always among them.
 */
export async function sampleOf(
  client: Client,
  { members }: Cohort,
  sample: Sample,
  canary: CanarySetting,
): Promise<Member[]> {
  const chosen = members.filter(({ schema }) => schema === chosenCanary(canary));
  if (sample === 'all') return [...chosen, ...members.filter((member) => !chosen.includes(member))];
  if (sample === undefined) return chosen.length > 0 ? chosen : members.slice(0, 1);
  if (sample >= members.length) return [...members];
  return takeInTurn([chosen, await largestFirst(client, members), newestFirst(members)], sample);
}

/** One of each list after the other, none twice. Pure. */
export function takeInTurn<T>([first = [], ...lists]: readonly (readonly T[])[], count: number): T[] {
  const taken = new Set<T>(first);
  for (let index = 0; taken.size < count && lists.some((list) => index < list.length); index += 1) {
    for (const list of lists) {
      const one = list[index];
      if (one !== undefined && taken.size < count) taken.add(one);
    }
  }
  return [...taken].slice(0, Math.max(count, first.length));
}

/** A schema that was made later has a higher OID, as long as the counter has not started again. */
function newestFirst(members: readonly Member[]): Member[] {
  return [...members].sort((a, b) => (b.oid ?? 0) - (a.oid ?? 0));
}

async function largestFirst(client: Client, members: readonly Member[]): Promise<Member[]> {
  const oids = members.map(({ oid }) => oid).filter((oid) => oid !== null);
  const size = oids.length <= MEASURED ? 'pg_total_relation_size(c.oid)' : 'c.relpages::bigint';
  const { rows } = await client.query<{ oid: number; size: string }>(
    `SELECT c.relnamespace AS oid, sum(${size})::text AS size FROM pg_class c
      WHERE c.relnamespace = ANY ($1::oid[]) AND c.relkind IN ('r', 'm') GROUP BY 1`,
    [oids],
  );
  const sizes = new Map(rows.map((row) => [row.oid, Number(row.size)]));
  const sizeOf = ({ oid }: Member): number => (oid === null ? 0 : (sizes.get(oid) ?? 0));
  return [...members].sort((a, b) => sizeOf(b) - sizeOf(a));
}
