import type { Client } from 'pg';

import { isOnCitus } from '../db/citus/cluster.js';
import { readTenantNodes } from '../db/citus/nodes.js';
import type { Cohort } from './cohorts.js';
import type { NodeCount } from './types.js';

/** How many of the tenants each node has, the first by name; nothing, and no query, where there is no Citus. */
export async function countNodes(client: Client, cohorts: readonly Cohort[]): Promise<{ nodes?: NodeCount[] }> {
  if (!isOnCitus(client)) return {};
  const schemas = cohorts
    .filter(({ rows }) => rows !== true)
    .flatMap(({ members }) => members.map(({ schema }) => schema));
  return { nodes: countByNode(schemas, await readTenantNodes(client, schemas)) };
}

/** Pure. */
export function countByNode(schemas: readonly string[], nodes: ReadonlyMap<string, string>): NodeCount[] {
  const counts = new Map<string | null, number>();
  for (const schema of schemas) {
    const node = nodes.get(schema) ?? null;
    counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return [...counts]
    .map(([node, tenants]) => ({ node, tenants }))
    .sort((a, b) => (a.node ?? '\uFFFF').localeCompare(b.node ?? '\uFFFF', 'en'));
}
