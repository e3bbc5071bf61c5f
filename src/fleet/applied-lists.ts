import type { Client, ClientConfig } from 'pg';
import pLimit from 'p-limit';

import { qualified, withClient } from '../db/index.js';
import { APPLIED_DIGEST_SQL, appliedDigest } from '../engine/bookkeeping.js';
import { type SerializedError, serializeError } from '../errors/index.js';

/** Schemas that one statement reads: each costs a relation lock until it ends. */
const BATCH_SIZE = 200;

/** What a migrations table holds, or why it cannot be read. */
export type AppliedList = { applied: string[] } | { error: SerializedError };

/**
 * Reads the migrations tables of many schemas: first one digest a schema, in batches over several connections, then the
 * names once for each distinct digest.
 *
 * @param schemas schemas that have a migrations table.
 * @param connections connections that may be used at once; the given client is the first of them.
 */
export async function readAppliedLists(
  client: Client,
  database: ClientConfig,
  schemas: readonly string[],
  table: string,
  connections: number,
): Promise<Map<string, AppliedList>> {
  const lists = new Map<string, AppliedList>();
  let left = schemas;
  // A list that changes between the two readings is read again; after that its names are taken as they come.
  for (let round = 0; left.length > 0 && round < 3; round += 1) {
    const groups = new Map<string, string[]>();
    for (const [schema, digest] of await readDigests(client, database, left, table, connections)) {
      if (typeof digest !== 'string') lists.set(schema, { error: digest });
      else groups.set(digest, [...(groups.get(digest) ?? []), schema]);
    }
    left = await readNames(client, groups, table, lists, round === 2);
  }
  return lists;
}

type Digest = string | SerializedError;

async function readDigests(
  client: Client,
  database: ClientConfig,
  schemas: readonly string[],
  table: string,
  connections: number,
): Promise<Map<string, Digest>> {
  const batches = chunk(schemas, BATCH_SIZE);
  const digests = new Map<string, Digest>();
  const read = async (connection: Client, batch: readonly string[]): Promise<void> => {
    for (const [schema, digest] of await readBatch(connection, batch, table)) digests.set(schema, digest);
  };
  const extra = Math.min(connections, batches.length) - 1;
  const drain = async (connection: Client): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) await read(connection, batch);
  };
  const limit = pLimit(Math.max(1, connections));
  await Promise.all([
    limit(() => drain(client)),
    ...Array.from({ length: extra }, () => limit(() => withClient(database, 'survey', drain))),
  ]);
  return digests;
}

/** A batch with a table that went away or cannot be read is halved until the culprit stands alone. */
async function readBatch(client: Client, schemas: readonly string[], table: string): Promise<[string, Digest][]> {
  const selects = schemas.map(
    (schema, index) => `SELECT ${index} AS i, ${APPLIED_DIGEST_SQL} AS d FROM ${qualified(schema, table)}`,
  );
  try {
    const { rows } = await client.query<{ i: number; d: string }>(selects.join(' UNION ALL '));
    return rows.map(({ i, d }) => [schemas[i] ?? '', d]);
  } catch (error) {
    const alone = schemas[0];
    if (schemas.length === 1 && alone !== undefined) return [[alone, serializeError(error)]];
    const middle = Math.ceil(schemas.length / 2);
    return [
      ...(await readBatch(client, schemas.slice(0, middle), table)),
      ...(await readBatch(client, schemas.slice(middle), table)),
    ];
  }
}

/** Fills in the lists of each group and returns the schemas whose list has changed since its digest was read. */
async function readNames(
  client: Client,
  groups: ReadonlyMap<string, string[]>,
  table: string,
  lists: Map<string, AppliedList>,
  lastRound: boolean,
): Promise<string[]> {
  const changed: string[] = [];
  for (const [digest, schemas] of groups) {
    const representative = schemas[0];
    if (representative === undefined) continue;
    const applied = await namesOf(client, representative, table).catch((error: unknown) => serializeError(error));
    if (!Array.isArray(applied)) lists.set(representative, { error: applied });
    else if (appliedDigest(applied) === digest) for (const schema of schemas) lists.set(schema, { applied });
    else if (!lastRound) changed.push(...schemas);
    else for (const schema of schemas) lists.set(schema, { applied: await namesOf(client, schema, table) });
    if (!Array.isArray(applied)) changed.push(...schemas.slice(1));
  }
  return changed;
}

async function namesOf(client: Client, schema: string, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT name FROM ${qualified(schema, table)} ORDER BY run_on, id`,
  );
  return rows.map(({ name }) => name);
}

function chunk<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
}
