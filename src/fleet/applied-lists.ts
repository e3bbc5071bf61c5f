import type { Client, ClientConfig } from 'pg';

import { readTenantNodes } from '../db/citus/nodes.js';
import { isNodeAway, NODE_ADVICE } from '../db/citus/other-node.js';
import { qualified, quoteLiteral } from '../db/identifiers.js';
import { isRowSecurityError, ROW_SECURITY_ADVICE } from '../db/row-security.js';
import { codeOf, isConnectionError, SQLSTATE } from '../db/sqlstates.js';
import { APPLIED_DIGEST_SQL, appliedDigest } from '../engine/bookkeeping.js';
import { type SerializedError, serializeError } from '../errors/serialize.js';
import { readInBatches } from './read-in-batches.js';

/** Schemas that one statement reads: each costs a relation lock until it ends. */
const BATCH_SIZE = 200;

/** What a migrations table holds, or why it cannot be read. */
export type AppliedList = { applied: string[] } | { error: SerializedError };

export type ListReading = {
  /** Connections that may be used at once; the given client is the first of them. */
  connections: number;
  /** Once it is aborted, the given client is canceled by the caller, and the others are canceled here. */
  cancel?: AbortSignal | undefined;
};

/**
 * Reads the migrations tables of many schemas: first one digest a schema, in batches over several connections, then the
 * names once for each distinct digest.
 *
 * @param schemas schemas that have a migrations table.
 */
export async function readAppliedLists(
  client: Client,
  database: ClientConfig,
  schemas: readonly string[],
  table: string,
  { connections, cancel }: ListReading,
): Promise<Map<string, AppliedList>> {
  const lists = new Map<string, AppliedList>();
  let left = schemas;
  // A list that changes between the two readings is read again; after that its names are taken as they come.
  for (let round = 0; left.length > 0 && round < 3; round += 1) {
    const groups = new Map<string, string[]>();
    for (const [schema, digest] of await readDigests(client, database, left, table, { connections, cancel })) {
      if (typeof digest !== 'string') lists.set(schema, { error: digest });
      else if (groups.get(digest)?.push(schema) === undefined) groups.set(digest, [schema]);
    }
    left = await readNames(client, groups, table, lists, { isLast: round === 2, cancel });
  }
  return lists;
}

type Digest = string | SerializedError;

async function readDigests(
  client: Client,
  database: ClientConfig,
  schemas: readonly string[],
  table: string,
  { connections, cancel }: ListReading,
): Promise<Map<string, Digest>> {
  const digests = new Map<string, Digest>();
  const batches = { size: BATCH_SIZE, connections, cancel };
  await readInBatches(client, database, schemas, batches, async (connection, batch) => {
    for (const [schema, digest] of await readBatch(connection, batch, table, cancel)) digests.set(schema, digest);
  });
  return digests;
}

/**
 * One small statement for each schema, in a loop inside the server. The same as one `UNION ALL` costs two to four times as
 * much: its plan has all the tables in it. `query_to_xml` is the server's only loop that changes nothing and runs on a standby.
 */
const READ_DIGESTS = `
  SELECT t.schema, substring(query_to_xml(
           format(${quoteLiteral(`SELECT ${APPLIED_DIGEST_SQL} AS digest FROM %I.%I`)}, t.schema, $2::text), false, true, ''
         )::text FROM '<digest>([0-9a-f]*)</digest>') AS digest
    FROM unnest($1::text[]) AS t (schema)`;

/** A batch with a table that went away or cannot be read is halved until the culprit stands alone. */
async function readBatch(
  client: Client,
  schemas: readonly string[],
  table: string,
  cancel: AbortSignal | undefined,
): Promise<[string, Digest][]> {
  try {
    const { rows } = await client.query<{ schema: string; digest: string }>(READ_DIGESTS, [[...schemas], table]);
    return rows.map(({ schema, digest }) => [schema, digest]);
  } catch (error) {
    if (isConnectionError(error) || cancel?.aborted === true) throw error;
    const locked = codeOf(error) === SQLSTATE.lockNotAvailable ? await lockedAmong(client, schemas, table) : new Set();
    if (locked.size > 0) {
      const rest = schemas.filter((schema) => !locked.has(schema));
      const busy = schemas.filter((schema) => locked.has(schema));
      return [
        ...busy.map((schema): [string, Digest] => [schema, serializeError(error)]),
        ...(rest.length === 0 ? [] : await readBatch(client, rest, table, cancel)),
      ];
    }
    if (isNodeAway(error)) return await readNodeByNode(client, schemas, table, error, cancel);
    const alone = schemas[0];
    if (schemas.length === 1 && alone !== undefined) return [[alone, unreadable(error)]];
    const middle = Math.ceil(schemas.length / 2);
    return [
      ...(await readBatch(client, schemas.slice(0, middle), table, cancel)),
      ...(await readBatch(client, schemas.slice(middle), table, cancel)),
    ];
  }
}

/** A node of the cluster does not answer: the tenants that it has are told from the others by the catalog, not one by one. */
async function readNodeByNode(
  client: Client,
  schemas: readonly string[],
  table: string,
  error: unknown,
  cancel: AbortSignal | undefined,
): Promise<[string, Digest][]> {
  const nodes = await readTenantNodes(client, schemas);
  const groups = new Map<string | undefined, string[]>();
  for (const schema of schemas) {
    const node = nodes.get(schema);
    if (groups.get(node)?.push(schema) === undefined) groups.set(node, [schema]);
  }
  if (groups.size === 1) return schemas.map((schema) => [schema, away(error, nodes.get(schema))]);
  const digests: [string, Digest][] = [];
  for (const group of groups.values()) digests.push(...(await readBatch(client, group, table, cancel)));
  return digests;
}

function away(error: unknown, node = 'of the tenant'): SerializedError {
  const { code: _code, message, ...rest } = serializeError(error);
  return {
    ...rest,
    code: 'NODE_UNREACHABLE',
    message: `The node ${node} cannot be reached: ${message}`,
    suggestions: [...NODE_ADVICE],
  };
}

/** Schemas whose migrations table another session keeps locked against reading: one wait is enough for all of them. */
async function lockedAmong(client: Client, schemas: readonly string[], table: string): Promise<Set<string>> {
  const { rows } = await client.query<{ schema: string }>(
    `SELECT n.nspname::text AS schema FROM pg_locks l
       JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE l.mode = 'AccessExclusiveLock' AND l.pid <> pg_backend_pid() AND c.relname = $2::text::name
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND n.nspname::text = ANY ($1::text[])`,
    [[...schemas], table],
  );
  return new Set(rows.map(({ schema }) => schema));
}

/** Fills in the lists of each group and returns the schemas whose list has changed since its digest was read. */
async function readNames(
  client: Client,
  groups: ReadonlyMap<string, string[]>,
  table: string,
  lists: Map<string, AppliedList>,
  { isLast, cancel }: { isLast: boolean; cancel: AbortSignal | undefined },
): Promise<string[]> {
  const changed: string[] = [];
  for (const [digest, schemas] of groups) {
    const representative = schemas[0];
    if (representative === undefined) continue;
    const names = await tryNamesOf(client, representative, table, cancel);
    const agrees = 'applied' in names && appliedDigest(names.applied) === digest;
    lists.set(representative, names);
    for (const schema of schemas) {
      if (agrees) lists.set(schema, names);
      else if (isLast) lists.set(schema, await tryNamesOf(client, schema, table, cancel));
      else if (schema !== representative || 'applied' in names) changed.push(schema);
    }
  }
  return changed;
}

async function tryNamesOf(
  client: Client,
  schema: string,
  table: string,
  cancel: AbortSignal | undefined,
): Promise<AppliedList> {
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT name FROM ${qualified(schema, table)} ORDER BY run_on, id`,
    );
    return { applied: rows.map(({ name }) => name) };
  } catch (error) {
    if (isConnectionError(error) || cancel?.aborted === true) throw error;
    return { error: isNodeAway(error) ? away(error) : unreadable(error) };
  }
}

function unreadable(error: unknown): SerializedError {
  const advice = isRowSecurityError(error) ? { suggestions: ROW_SECURITY_ADVICE } : {};
  return { ...serializeError(error), ...advice };
}
