import type { Client } from 'pg';

import { qualified, quoteIdentifier } from '../db/identifiers.js';
import type { RegistryShape } from '../registry/names.js';
import { requireRows } from './row-scope.js';
import type { TableGroup } from './row-tables.js';

/**
 * Deletes rows of a tenant, in a transaction that `enterRows` has opened; those that refer to others first.
 *
 * @param limit after so many rows of one table it is enough for now. Tables that refer to each other go in one statement, because
 *   the server looks at their foreign keys when it ends.
 * @returns how many rows were deleted, and whether there may be more
 */
export async function deleteRows(
  client: Client,
  shape: RegistryShape,
  groups: readonly TableGroup[],
  key: string,
  limit?: number,
): Promise<{ deleted: number; more: boolean }> {
  let deleted = 0;
  for (const group of groups) {
    const count = await deleteFrom(client, shape, group, key, group.circular ? undefined : limit);
    deleted += count;
    if (limit !== undefined && deleted >= limit) return { deleted, more: true };
  }
  return { deleted, more: false };
}

async function deleteFrom(
  client: Client,
  shape: RegistryShape,
  { tables }: TableGroup,
  key: string,
  limit: number | undefined,
): Promise<number> {
  const column = quoteIdentifier(requireRows(shape).column);
  const parts = tables.map(({ schema, name }, index) => {
    const table = qualified(schema, name);
    // A partitioned table has the same places in each of its partitions, hence the table's OID.
    const which =
      limit === undefined
        ? `${column} = $1`
        : `${column} = $1 AND (tableoid, ctid) IN (SELECT tableoid, ctid FROM ${table} WHERE ${column} = $1 LIMIT ${limit})`;
    return `d${index} AS (DELETE FROM ${table} WHERE ${which} RETURNING 1)`;
  });
  const sum = tables.map((_, index) => `(SELECT count(*) FROM d${index})`).join(' + ');
  const { rows } = await client.query<{ deleted: number }>(
    `WITH ${parts.join(', ')} SELECT (${sum})::float8 AS deleted`,
    [key],
  );
  return rows[0]?.deleted ?? 0;
}
