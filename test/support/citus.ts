import { randomBytes } from 'node:crypto';

import { type Client, escapeIdentifier, type QueryResult, type QueryResultRow } from 'pg';
import { afterAll, beforeAll, describe, vi } from 'vitest';

import { urlOfDatabase, withAdmin } from './admin.js';
import { clientsOf } from './database.js';
import { createFleet, type FleetDatabase, type TestFleet } from './fleet.js';

/** URL of a superuser on the coordinator of a cluster with at least two workers. */
export const CITUS_URL = process.env['TENANTS_TEST_CITUS_URL'] ?? '';

/** Tests that need a cluster; they are skipped where there is none. */
export const describeCitus: (name: string, body: () => void) => void =
  CITUS_URL === '' ? (name, body) => describe.skip(name, body) : (name, body) => describe(name, body);

/** A database on every node of the cluster, joined to one. */
export type CitusDatabase = FleetDatabase & {
  /** The workers, `host:port`. */
  workers: string[];
  /** The same database on another node. */
  urlOn(node: string): string;
  /** Runs a statement on a node. */
  on<R extends QueryResultRow = QueryResultRow>(node: string, sql: string): Promise<QueryResult<R>>;
  client(): Promise<Client>;
  drop(): Promise<void>;
};

export async function createCitusDatabase(): Promise<CitusDatabase> {
  const name = `tenants_citus_${randomBytes(5).toString('hex')}`;
  const nodes = await withAdmin(CITUS_URL, async (client) => {
    const { rows } = await client.query<{ group: number; host: string; port: number }>(
      `SELECT groupid AS group, nodename AS host, nodeport AS port FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid`,
    );
    return rows;
  });
  const urlOn = (node: string, database = name): string => {
    const url = new URL(urlOfDatabase(CITUS_URL, database));
    url.host = node;
    return url.href;
  };
  const addresses = nodes.map(({ host, port }) => `${host}:${port}`);
  const admin = new URL(CITUS_URL).pathname.slice(1);
  for (const node of addresses) {
    await withAdmin(urlOn(node, admin), (client) => client.query(`CREATE DATABASE ${escapeIdentifier(name)}`));
    await withAdmin(urlOn(node), (client) => client.query('CREATE EXTENSION citus'));
  }
  const url = urlOfDatabase(CITUS_URL, name);
  await withAdmin(url, async (client) => {
    for (const { group, host, port } of nodes) {
      if (group === 0) await client.query('SELECT citus_set_coordinator_host($1, $2)', [host, port]);
      else await client.query('SELECT citus_add_node($1, $2)', [host, port]);
    }
  });
  const { client, closeAll } = clientsOf(url);
  let shared: Promise<Client> | undefined;
  return {
    url,
    config: { connectionString: url },
    workers: nodes.filter(({ group }) => group !== 0).map(({ host, port }) => `${host}:${port}`),
    urlOn: (node) => urlOn(node),
    on: (node, sql) => withAdmin(urlOn(node), (other) => other.query(sql)),
    client,
    query: async (sql, values) => {
      shared ??= client();
      try {
        return await (await shared).query(sql, values);
      } catch (error) {
        // The coordinator may have been restarted.
        shared = undefined;
        throw error;
      }
    },
    drop: async () => {
      await closeAll();
      const sql = `DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`;
      for (const node of addresses) {
        // The maintenance daemons of Citus connect again and again.
        await vi.waitFor(() => withAdmin(urlOn(node, admin), (other) => other.query(sql)), {
          timeout: 30_000,
          interval: 500,
        });
      }
    },
  };
}

export type CitusFleet = TestFleet<CitusDatabase>;

/** A fleet on a cluster for all tests of a `describe`, with the shared migrations applied. */
export function useCitusFleet(files: Record<string, string> = {}): () => CitusFleet {
  let fleet: CitusFleet | undefined;
  beforeAll(async () => {
    fleet = await createFleet(await createCitusDatabase(), files);
    const { shared } = await fleet.migrate({ selection: { kind: 'shared' } });
    if (shared.status !== 'applied') throw new Error(JSON.stringify(shared));
  });
  afterAll(async () => {
    await fleet?.remove();
    await fleet?.database.drop();
  });
  return () => {
    if (fleet === undefined) throw new Error('The fleet exists inside tests and hooks only.');
    return fleet;
  };
}

/** The node of a distributed schema, as the catalog of Citus has it. */
export async function nodeOf(database: CitusDatabase, schema: string): Promise<string | undefined> {
  const { rows } = await database.query<{ node: string }>(
    `SELECT DISTINCT nodename || ':' || nodeport AS node FROM citus_shards WHERE table_name::text LIKE $1 || '.%'`,
    [schema],
  );
  return rows[0]?.node;
}
