import type { Client, ClientConfig } from 'pg';

import { codeOf, isConnectionError } from '../db/sqlstates.js';
import { readInBatches } from '../fleet/read-in-batches.js';
import { digestsStatement, itemsStatement } from './sql/statements.js';
import type { Item, Level } from './types.js';

/** Schemas that one statement reads. Views of all of them are locked against changes until it ends. */
const BATCH_SIZE = 100;

/** What a fingerprint is, or why there is none. */
export type Fingerprint = { fingerprint: string } | { reason: string };

/**
 * Reads a digest of the structure of each schema: equal for schemas that the same migrations made, whatever they are called.
 * Computed in the server, in batches over several connections.
 *
 * @param version `server_version_num`
 * @param connections connections that may be used at once
 * @returns nothing for schemas that do not exist.
 */
export async function readFingerprints(
  client: Client,
  database: ClientConfig,
  schemas: readonly string[],
  { level, version, connections }: { level: Level; version: number; connections: number },
): Promise<Map<string, Fingerprint>> {
  const found = new Map<string, Fingerprint>();
  const statement = digestsStatement(level, version);
  await readInBatches(client, database, schemas, { size: BATCH_SIZE, connections }, async (connection, batch) => {
    for (const [schema, fingerprint] of await readBatch(connection, batch, statement)) found.set(schema, fingerprint);
  });
  return found;
}

/** Everything that a fingerprint is made of. The client must not be in a transaction. */
export async function readItems(client: Client, schema: string, level: Level, version: number): Promise<Item[]> {
  return await reading(client, () => itemsOf(client, schema, level, version));
}

/** The same in a transaction that is open, whose search path is left as it was. */
export async function itemsOf(client: Client, schema: string, level: Level, version: number): Promise<Item[]> {
  const { rows } = await client.query<Item>(itemsStatement(level, version), [[schema]]);
  return rows.map(({ kind, object, parent, parts }) => ({ kind, object, parent, parts }));
}

/** A batch in which something went away or is locked is halved until the culprit stands alone. */
async function readBatch(
  client: Client,
  schemas: readonly string[],
  statement: string,
): Promise<[string, Fingerprint][]> {
  try {
    return await reading(client, async () => {
      const { rows } = await client.query<{ schema: string; fingerprint: string }>(statement, [[...schemas]]);
      return rows.map(({ schema, fingerprint }) => [schema, { fingerprint }]);
    });
  } catch (error) {
    if (isConnectionError(error) || codeOf(error) === undefined) throw error;
    const [alone] = schemas;
    if (schemas.length === 1 && alone !== undefined) return [[alone, { reason: (error as Error).message }]];
    const middle = Math.ceil(schemas.length / 2);
    return [
      ...(await readBatch(client, schemas.slice(0, middle), statement)),
      ...(await readBatch(client, schemas.slice(middle), statement)),
    ];
  }
}

/** A transaction that changes nothing, begins with an empty search path, and in which no time is spent on compiling the query. */
async function reading<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query(`BEGIN READ ONLY; SET LOCAL search_path TO ''; SET LOCAL jit TO off`);
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
